"""Plus engine: acquisitions by pymmcore-plus, on Micro-Manager's core or on the simulated microscope's."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stentor.core.frame import Pixels
from stentor.scope.between import Between, LivePace, Unguarded
from stentor.scope.engine import CLOSE_TIMEOUT_S, RunReport, Sink
from stentor.scope.errand import Errand
from stentor.scope.event_feed import EventFeed
from stentor.scope.live import run_live
from stentor.scope.overheard import Overheard
from stentor.scope.readiness import EventCheck, check_camera
from stentor.scope.stall_watch import StallWatch
from stentor.scope.tally import Tally
from stentor.scope.tiles import with_field_of_view
from stentor.scope.turnstile import Turnstile

if TYPE_CHECKING:
    import useq
    from pymmcore_plus import CMMCorePlus

ABORT_TIMEOUT_S = 10.0
STALL_S = 30.0

FAULTS = ("Failed to", "Unexpected number of images")
"""Beginnings of warnings with which pymmcore-plus 0.18 carries on: a drive, an exposure or a snap that was refused."""


class PlusEngine:
    """An `Engine` over a `CMMCorePlus` or `UniMMCore`, which it owns from now on.

    Make it before anybody else listens to `core.mda.events`: a listener that raises costs those connected after it
    their frame.

    Parameters
    ----------
    snap_tags
        Tells the camera's tags of the newest image, where its core drops those of a snap (`UniMMCore`); None: the
        camera has no others than the core's.
    """

    def __init__(
        self,
        core: "CMMCorePlus",
        *,
        snap_tags: Callable[[], Mapping[str, Any]] | None = None,
        abort_timeout_s: float = ABORT_TIMEOUT_S,
        stall_s: float = STALL_S,
    ) -> None:
        self._core = core
        self._snap_tags = snap_tags
        self._abort_timeout_s = abort_timeout_s
        self._stall_s = stall_s
        self._turnstile = Turnstile()
        self.between: Between = Unguarded()
        self._tally: Tally | None = None
        self._stopping: Errand | None = None
        core.mda.events.frameReady.connect(self._on_frame)
        # Its INFO is a line for every image, to a file.
        logging.getLogger("pymmcore-plus").setLevel(logging.WARNING)
        if core.mda.engine is not None:
            # Else every run ends with moves that nobody asked for, back to where the drives stood before it.
            core.mda.engine.restore_initial_state = False

    def run(self, events: "Iterable[useq.MDAEvent] | useq.MDASequence", sink: Sink) -> RunReport:
        """Run events to their end; see `Engine.run`."""
        with self._turnstile.enter() as stop:
            check_camera(self._core)
            check = EventCheck(self._core)
            tiled = with_field_of_view(events, self._core)
            feed = EventFeed(
                tiled,
                stop,
                check,
                images_per_event=self._core.getNumberOfCameraChannels(),
                admits=self._admits,
            )
            tally = self._tally = Tally(sink)
            # An iterator is passed on as one: the runner then neither reads ahead nor merges events.
            planned: Any = feed if feed.whole is not None else iter(feed)
            errand = Errand(lambda: self._core.mda.run(planned), "pymmcore-plus")
            watch = StallWatch(self._core, tally, feed, self._stall_s)
            grace_s = self._abort_timeout_s + self._core.getExposure() / 1000
            with Overheard("pymmcore-plus", FAULTS) as overheard:
                errand.start()
                try:
                    is_over = errand.outlast(stop, urge=self._cancel, grace_s=grace_s, is_stalled=watch.is_stalled)
                    if not is_over or (self._stopping is not None and not self._stopping.is_done(grace_s)):
                        self._turnstile.break_down("pymmcore-plus did not end after the abort: a driver hangs")
                except BaseException:
                    # An interrupt of this thread must not leave the camera running on the other.
                    stop.set()
                    self._cancel()
                    raise
                finally:
                    self._tally = None
            return feed.report(
                tally,
                watch.error or errand.error,
                is_stalled=watch.error is not None,
                complaint=overheard.complaint,
            )

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
            snap_tags=self._snap_tags,
            between=self.between,
            pace=pace,
        )

    def abort(self) -> None:
        """End the run in progress; see `Engine.abort`."""
        self._turnstile.abort()

    def close(self) -> None:
        """Abort, wait and stop listening; see `Engine.close`."""
        self.abort()
        self._turnstile.await_empty(CLOSE_TIMEOUT_S)
        self._core.mda.events.frameReady.disconnect(self._on_frame, missing_ok=True)

    def _admits(self, event: "useq.MDAEvent") -> bool:
        if event.channel is not None:
            group, preset = event.channel.group, event.channel.config
            if self._core.getCurrentConfigFromCache(group) != preset:
                # pymmcore-plus leaves a preset out that was the last one applied, whatever a request has set since.
                self._core._last_config = ("", "")
        return self.between.admits_event(event)

    def _on_frame(self, image: Pixels, event: "useq.MDAEvent", metadata: Mapping[str, Any]) -> None:
        received_ns = time.perf_counter_ns()
        if self._tally is not None:
            if self._snap_tags is not None and "camera_metadata" not in metadata:
                metadata = {**metadata, "camera_metadata": dict(self._snap_tags())}
            self._tally.deliver(image, metadata, event, received_ns)

    def _cancel(self) -> None:
        """Ask for the end; called by the thread inside the turnstile only, so that it never hits a later run."""
        self._core.mda.cancel()
        # The runner looks at a cancel only between images; a camera that waits for a trigger must be stopped. On a
        # thread of its own, because a device that hangs holds its lock.
        if self._stopping is None or self._stopping.is_done(0):
            self._stopping = Errand(self._stop_camera, "stop-camera")
            self._stopping.start()

    def _stop_camera(self) -> None:
        if self._core.isSequenceRunning():
            self._core.stopSequenceAcquisition()
