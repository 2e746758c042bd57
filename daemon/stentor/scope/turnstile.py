"""Turnstile: lets one run through at a time, and carries an abort to it from any thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stentor.core.errors import SourceError


class Turnstile:
    """Any thread may use it. An abort with nobody inside is forgotten: it never hits a later run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stop: threading.Event | None = None
        self._broken: str | None = None

    @contextmanager
    def enter(self) -> Iterator[threading.Event]:
        """Go through and hold the event that abort sets; SourceError when occupied or broken."""
        stop = threading.Event()
        with self._changed:
            if self._broken:
                raise SourceError(f"the engine is stuck ({self._broken}); restart the scope")
            if self._stop is not None:
                raise SourceError("an acquisition is already running on this engine; abort it or wait for its end")
            self._stop = stop
        try:
            yield stop
        finally:
            with self._changed:
                self._stop = None
                self._changed.notify_all()

    def abort(self) -> bool:
        """Tell the run inside to end; False when there is none."""
        with self._changed:
            if self._stop is None:
                return False
            self._stop.set()
            return True

    def await_empty(self, timeout_s: float) -> bool:
        """Wait for the run inside to leave; False: it did not."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stop is None, timeout_s)

    def break_down(self, why: str) -> None:
        """Refuse all further runs: a driver kept a thread, and the core cannot be trusted any more."""
        with self._changed:
            self._broken = why
