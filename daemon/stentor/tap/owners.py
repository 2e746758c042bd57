"""Owners: the threads that show the images of one acquisition; when they all have ended, so has it."""

import threading


class Owners:
    """Used under the feed's lock, when an image is shown: later might be too late to see who was alive then."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()

    def note(self, owner: threading.Thread | None) -> bool:
        """Note who shows an image; True: those who showed the images before have ended. None is nobody's."""
        if owner is None or owner in self._threads:
            return False
        have_ended = self.have_ended()
        self._threads.add(owner)
        return have_ended

    def have_ended(self) -> bool:
        """Tell, once, that there were some and all have ended."""
        if not self._threads or any(thread.is_alive() for thread in self._threads):
            return False
        self._threads.clear()
        return True
