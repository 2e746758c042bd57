"""Stall watch: notices that pymmcore-plus is taking an image that never comes."""

import time
from typing import TYPE_CHECKING

from stentor.core.clock import NS_PER_S
from stentor.scope.event_feed import EventFeed
from stentor.scope.tally import Tally

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus


class StallWatch:
    """Asked again and again by the thread that waits for a run.

    pymmcore-plus has time-outs for hardware sequences, and none for a snap or a drive. Nothing here asks the core: a
    device that hangs holds its lock, and whoever asks hangs with it.
    """

    def __init__(self, core: "CMMCorePlus", tally: Tally, feed: EventFeed, stall_s: float) -> None:
        self._core = core
        self._tally = tally
        self._feed = feed
        self._stall_s = stall_s + 5 * core.getExposure() / 1000
        self._idle_ns = time.perf_counter_ns()
        self._is_stalled = False

    def is_stalled(self) -> bool:
        """Tell whether an image has been due for longer than any should take."""
        from pymmcore_plus.mda import RunState

        now_ns = time.perf_counter_ns()
        if self._core.mda.status.phase is not RunState.ACQUIRING:
            self._idle_ns = now_ns
        silent_s = (now_ns - max(self._idle_ns, self._tally.last_ns)) / NS_PER_S
        self._is_stalled = silent_s > self._stall_s + 5 * self._feed.longest_exposure_ms / 1000
        return self._is_stalled

    @property
    def error(self) -> str | None:
        """What to report; None: it never stalled."""
        if not self._is_stalled:
            return None
        return f"no image for {self._stall_s:.0f} s while one is due; does the camera or a drive hang?"
