"""Live sampler: looks at the newest image of a camera that runs freely, and takes it from nobody."""

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from stentor.core.callback import guarded_callback
from stentor.microscope import metadata as tags
from stentor.tap.feed import Feed

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

REREAD_EVERY_S: Final = 1.0


class LiveSampler:
    """A thread that sleeps until `wake`, then looks `rate_hz` times a second until the camera stands still.

    Popping would steal the images from whoever shows them; a look at the newest leaves the buffer as it is. It finds
    nothing when somebody else has just popped, and one image twice when the camera is slow: the image's number tells.
    During an MDA it rests. `close` may be called twice.
    """

    def __init__(self, core: "CMMCorePlus", feed: Feed, *, rate_hz: float) -> None:
        self._core = core
        self._feed = feed
        self._interval_s = 1.0 / rate_hz
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tap-live", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that the camera may have started."""
        self._woken.set()

    def close(self) -> None:
        """Stop looking."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(2.0)

    def _watch(self) -> None:
        sample_all = guarded_callback(self._sample_all, name="the tap's look at live mode")
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            sample_all()

    def _sample_all(self) -> None:
        core, before, reread_s, has_begun = self._core, None, float("-inf"), False
        while not self._stopping.is_set() and not core.mda.is_running() and core.isSequenceRunning():
            found = self._look()
            if found is not None and _mark(found[1]) != before:
                before = _mark(found[1])
                if not has_begun:
                    self._feed.begin_run()
                    has_begun = True
                if time.monotonic() - reread_s >= REREAD_EVERY_S:  # nobody says where the drives go in live mode
                    reread_s = time.monotonic()
                    self._feed.mark_stale()
                self._feed.take(*found)
            self._stopping.wait(self._interval_s)
        if has_begun:
            self._feed.end_run()

    def _look(self) -> tuple[Any, Mapping[str, Any]] | None:
        try:
            image, written = self._core.getLastImageAndMD()
        except (RuntimeError, IndexError):  # the buffer is empty: nothing yet, or somebody has popped
            return None
        return image, dict(written)


def _mark(written: Mapping[str, Any]) -> tuple[Any, Any]:
    return tags.camera_number(written), written.get("TimeReceivedByCore")
