"""Pycro engine: acquisitions by pycromanager's Python backend, on Micro-Manager's core in this process."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from stentor.core.errors import StentorError
from stentor.scope.between import Between, LivePace, Unguarded
from stentor.scope.core_faults import CoreFaults
from stentor.scope.engine import CLOSE_TIMEOUT_S, RunReport, Sink
from stentor.scope.event_feed import EventFeed
from stentor.scope.live import run_live
from stentor.scope.pycro_events import check_translatable
from stentor.scope.pycro_run import STALL_S, PycroRun
from stentor.scope.readiness import EventCheck, check_camera
from stentor.scope.tally import Tally
from stentor.scope.tiles import with_field_of_view
from stentor.scope.turnstile import Turnstile

if TYPE_CHECKING:
    import pymmcore
    import useq

END_TIMEOUT_S = 10.0


class PycroEngine:
    """An `Engine` over the core that `pycromanager.start_headless` started, which it owns from now on.

    pycromanager's threads are no daemons: when one hangs in a driver, the engine refuses further runs and the
    process must be ended by `os._exit` or from outside.
    """

    def __init__(
        self, core: "pymmcore.CMMCore", *, end_timeout_s: float = END_TIMEOUT_S, stall_s: float = STALL_S
    ) -> None:
        self._core = core
        self._end_timeout_s = end_timeout_s
        self._stall_s = stall_s
        self._turnstile = Turnstile()
        self.between: Between = Unguarded()
        self._faults = CoreFaults(core)

    def run(self, events: "Iterable[useq.MDAEvent] | useq.MDASequence", sink: Sink) -> RunReport:
        """Run events to their end; see `Engine.run`."""
        with self._turnstile.enter() as stop:
            check_camera(self._core)
            check = self._make_check()
            tiled = with_field_of_view(events, self._core)
            feed = EventFeed(
                tiled,
                stop,
                check,
                images_per_event=self._core.getNumberOfCameraChannels(),
                admits=self.between.admits_event,
            )
            tally = Tally(sink)
            run = PycroRun(self._core, feed, tally, stop, self._faults, stall_s=self._stall_s)
            error = None
            try:
                run.feed_all()
            except StentorError as err:
                error = str(err)
            finally:
                ending = self._finish(run)
            # Our own words first: pycromanager's are often no more than "Error executing event".
            return feed.report(tally, error or (ending and self._faults.newest) or ending)

    def live(
        self,
        sink: Sink,
        *,
        exposure_ms: float,
        interval_ms: float | None = None,
        frames: int | None = None,
        pace: LivePace | None = None,
    ) -> RunReport:
        """Show the camera; see `Engine.live`."""
        return run_live(
            self._core,
            self._turnstile,
            sink,
            exposure_ms=exposure_ms,
            interval_ms=interval_ms,
            frames=frames,
            between=self.between,
            pace=pace,
        )

    def abort(self) -> None:
        """End the run in progress; see `Engine.abort`."""
        self._turnstile.abort()

    def close(self) -> None:
        """Abort and wait; see `Engine.close`."""
        self.abort()
        self._turnstile.await_empty(CLOSE_TIMEOUT_S)

    def _make_check(self) -> "Callable[[useq.MDAEvent], None]":
        fits_core = EventCheck(self._core)

        def check(event: "useq.MDAEvent") -> None:
            fits_core(event)
            check_translatable(event)

        return check

    def _finish(self, run: PycroRun) -> str | None:
        errand = run.finish(self._end_timeout_s + self._core.getExposure() / 1000)
        if not errand.is_done(0):
            self._turnstile.break_down("pycromanager's threads did not end: a driver hangs")
            return "pycromanager's threads did not end; restart the scope"
        if self._core.isSequenceRunning():
            self._core.stopSequenceAcquisition()
        return errand.error
