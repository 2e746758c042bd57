"""Plus engine: acquisitions by pymmcore-plus, on Micro-Manager's core or on the simulated microscope's."""

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stentor.core.frame import Pixels
from stentor.scope.engine import RunReport, Sink
from stentor.scope.errand import Errand
from stentor.scope.event_feed import EventFeed
from stentor.scope.live import LiveMode
from stentor.scope.readiness import EventCheck, check_camera
from stentor.scope.tally import Tally
from stentor.scope.turnstile import Turnstile

if TYPE_CHECKING:
    import useq
    from pymmcore_plus import CMMCorePlus

ABORT_TIMEOUT_S = 10.0
POLL_S = 0.02


class PlusEngine:
    """An `Engine` over a `CMMCorePlus` or `UniMMCore`, which it owns from now on.

    Make it before anybody else listens to `core.mda.events`: a listener that raises costs those connected after it
    their frame.
    """

    def __init__(self, core: "CMMCorePlus", *, abort_timeout_s: float = ABORT_TIMEOUT_S) -> None:
        self._core = core
        self._abort_timeout_s = abort_timeout_s
        self._turnstile = Turnstile()
        self._tally: Tally | None = None
        core.mda.events.frameReady.connect(self._on_frame)

    def run(self, events: "Iterable[useq.MDAEvent] | useq.MDASequence", sink: Sink) -> RunReport:
        """Run events to their end; see `Engine.run`."""
        with self._turnstile.enter() as stop:
            check_camera(self._core)
            check = EventCheck(self._core)
            feed = EventFeed(events, stop, check, images_per_event=self._core.getNumberOfCameraChannels())
            tally = self._tally = Tally(sink)
            # An iterator is passed on as one: the runner then neither reads ahead nor merges events.
            planned: Any = feed if feed.whole is not None else iter(feed)
            errand = Errand(lambda: self._core.mda.run(planned), "pymmcore-plus")
            errand.start()
            error = self._await(errand, stop)
            self._tally = None
            return tally.report(expected=feed.expected, is_aborted=stop.is_set(), error=error)

    def live(
        self, sink: Sink, *, exposure_ms: float, interval_ms: float | None = None, frames: int | None = None
    ) -> RunReport:
        """Show the camera; see `Engine.live`."""
        with self._turnstile.enter() as stop:
            check_camera(self._core)
            tally = Tally(sink)
            mode = LiveMode(self._core, tally, stop, exposure_ms=exposure_ms)
            errand = Errand(lambda: mode.show(interval_ms=interval_ms, frames=frames), "live")
            errand.start()
            error = self._await(errand, stop)
            return tally.report(expected=frames, is_aborted=stop.is_set(), error=error)

    def abort(self) -> None:
        """End the run in progress; see `Engine.abort`."""
        if self._turnstile.abort():
            self._cancel()

    def close(self) -> None:
        """Abort and stop listening; see `Engine.close`."""
        self.abort()
        self._core.mda.events.frameReady.disconnect(self._on_frame, missing_ok=True)

    def _on_frame(self, image: Pixels, event: "useq.MDAEvent", metadata: Mapping[str, Any]) -> None:
        received_ns = time.perf_counter_ns()
        if self._tally is not None:
            self._tally.deliver(image, metadata, event, received_ns)

    def _cancel(self) -> None:
        self._core.mda.cancel()
        # The runner looks at a cancel only between images; a camera that waits for a trigger must be stopped.
        with suppress(RuntimeError):
            if self._core.isSequenceRunning():
                self._core.stopSequenceAcquisition()

    def _await(self, errand: Errand, stop: threading.Event) -> str | None:
        deadline_s: float | None = None
        while not errand.is_done(POLL_S):
            if not stop.is_set():
                continue
            # Again and again: a cancel that comes before the runner is under way is forgotten by it.
            self._cancel()
            deadline_s = deadline_s or time.monotonic() + self._abort_timeout_s + self._core.getExposure() / 1000
            if time.monotonic() > deadline_s:
                self._turnstile.break_down(f"no end {self._abort_timeout_s:.0f} s after the abort: a driver hangs")
                return "the driver did not come back from the abort; restart the scope"
        return errand.error
