"""Live mode: shows the camera without events, freely running or at a set pace, on any core."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stentor.core.clock import NS_PER_MS, NS_PER_S
from stentor.core.errors import SourceError
from stentor.microscope.cameras import camera_names
from stentor.scope.between import REFUSED_PAUSE_S, Between, LivePace, Unguarded
from stentor.scope.engine import RunReport, Sink
from stentor.scope.errand import Errand
from stentor.scope.readiness import check_camera, set_exposure
from stentor.scope.tally import Tally
from stentor.scope.turnstile import Turnstile

if TYPE_CHECKING:
    import pymmcore

SnapTags = Callable[[], Mapping[str, Any]]

POLL_S = 0.0005
STALL_S = 10.0
ABORT_TIMEOUT_S = 10.0
SERVE_S = 0.02
"""How long requests may keep a look at the stop event waiting."""

BLOCK = 20
"""Images of a camera that runs freely whose light is booked at once."""


def run_live(
    core: "pymmcore.CMMCore",
    turnstile: Turnstile,
    sink: Sink,
    *,
    exposure_ms: float,
    interval_ms: float | None,
    frames: int | None,
    snap_tags: SnapTags | None = None,
    between: Between | None = None,
    pace: LivePace | None = None,
) -> RunReport:
    """Show the camera as `Engine.live` promises, on any core."""
    with turnstile.enter() as stop:
        check_camera(core)
        set_exposure(core, exposure_ms)
        tally = Tally(sink)
        mode = LiveMode(core, tally, stop, exposure_ms=exposure_ms, snap_tags=snap_tags, between=between or Unguarded())
        pace = pace or LivePace(None if interval_ms is None else interval_ms / 1000)
        errand = Errand(lambda: mode.show(pace, frames=frames), "live")
        errand.start()
        try:
            if not errand.outlast(stop, urge=lambda: None, grace_s=ABORT_TIMEOUT_S + exposure_ms / 1000):
                turnstile.break_down("live mode did not end after the abort: a driver hangs")
        except BaseException:
            # An interrupt of this thread must not leave the camera running on the other.
            stop.set()
            raise
        return tally.report(expected=frames, is_aborted=stop.is_set(), error=errand.error)


class LiveMode:
    """Shows one camera once: `show` blocks until the frames have come, the stop event is set or the camera fails."""

    def __init__(
        self,
        core: "pymmcore.CMMCore",
        tally: Tally,
        stop: threading.Event,
        *,
        exposure_ms: float,
        snap_tags: SnapTags | None = None,
        between: Between,
    ) -> None:
        self._core = core
        self._tally = tally
        self._stop = stop
        self._snap_tags = snap_tags or (lambda: {})
        self._between = between
        self._stall_ns = int(STALL_S * NS_PER_S + 5 * exposure_ms * NS_PER_MS)

    def show(self, pace: LivePace, *, frames: int | None) -> None:
        """Deliver `frames` images (None: no limit).

        Raises
        ------
        SourceError
            The camera stopped by itself or delivers nothing.
        """
        if pace.interval_s is None:
            while not self._is_over(frames):
                self._show_freely(pace, frames)
        else:
            self._show_at_pace(pace, frames)

    def _is_over(self, frames: int | None) -> bool:
        return self._stop.is_set() or (frames is not None and self._tally.received >= frames)

    def _show_freely(self, pace: LivePace, frames: int | None) -> None:
        """Run the camera until it is over, paused, or the light is refused, which is asked for a block of images ahead.

        It stands still while requests act: what was booked holds for one place, exposure and light, and a camera that
        ran on would light whatever the stage passes by.
        """
        self._between.serve(0.0)
        exposure_ms = self._core.getExposure()
        if pace.is_paused or not self._between.admits_light(exposure_ms, BLOCK):
            self._between.serve(REFUSED_PAUSE_S)
            return
        first = self._tally.received
        paid = first + BLOCK
        self._tally.last_ns = time.perf_counter_ns()
        self._core.startContinuousSequenceAcquisition(0)
        try:
            while not self._is_over(frames) and not pace.is_paused:
                # One image at least: a flood of requests must not keep all of them away.
                if self._between.is_asked and self._tally.received > first:
                    break
                if self._tally.received + BLOCK // 2 >= paid:
                    if not self._between.admits_light(exposure_ms, BLOCK // 2):
                        break
                    paid += BLOCK // 2
                if self._core.getRemainingImageCount():
                    self._pop()
                else:
                    self._wait_a_little()
        finally:
            self._core.stopSequenceAcquisition()
        while not self._is_over(frames) and self._core.getRemainingImageCount():
            self._pop()  # what was lit is seen

    def _pop(self) -> None:
        import pymmcore

        tags = pymmcore.Metadata()
        try:
            pixels = self._core.popNextImageMD(tags)
        except (IndexError, RuntimeError):
            # In continuous mode the core empties an overflowing buffer, also between the count and the pop. The
            # hole shows in the image numbers; a camera that is really gone shows as a stall.
            return
        received_ns = time.perf_counter_ns()
        self._tally.deliver(pixels, {**_mapping_of(tags), **self._own_tags()}, None, received_ns)

    def _wait_a_little(self) -> None:
        if not self._core.isSequenceRunning() and not self._core.getRemainingImageCount():
            raise SourceError("the camera stopped by itself in live mode; look at its cable and driver")
        if time.perf_counter_ns() - self._tally.last_ns > self._stall_ns:
            raise SourceError(
                f"the camera has delivered nothing for {self._stall_ns / NS_PER_S:.0f} s; does it wait for a trigger?"
            )
        # 0.5 ms: image age p50 0.4 ms; spinning without a sleep makes p99 ten times worse (measured 2026-11-23).
        time.sleep(POLL_S)

    def _snap(self) -> None:
        self._core.snapImage()
        names = camera_names(self._core)
        for index, name in enumerate(names):
            pixels = self._core.getImage(index) if len(names) > 1 else self._core.getImage()
            received_ns = time.perf_counter_ns()
            self._tally.deliver(pixels, {"Camera": name, **self._snap_tags(), **self._own_tags()}, None, received_ns)

    def _own_tags(self) -> dict[str, float]:
        """No backend writes the exposure in live mode."""
        return {"Exposure": self._core.getExposure()}

    def _show_at_pace(self, pace: LivePace, frames: int | None) -> None:
        began_s = time.perf_counter() - (pace.interval_s or 0.0)
        self._between.serve(0.0)
        while not self._is_over(frames):
            # The interval may change while we wait.
            left_s = began_s + (pace.interval_s or 0.0) - time.perf_counter()
            if left_s > 0 or pace.is_paused:
                self._between.serve(min(left_s, SERVE_S) if left_s > 0 else SERVE_S)
            elif self._between.admits_light(self._core.getExposure(), 1):
                # A late image is not made up for: two in a row would double the light.
                began_s = time.perf_counter() if -left_s > (pace.interval_s or 0.0) else time.perf_counter() + left_s
                self._snap()
            else:
                self._between.serve(REFUSED_PAUSE_S)


def _mapping_of(tags: "pymmcore.Metadata") -> dict[str, Any]:
    return {key: tags.GetSingleTag(key).GetValue() for key in tags.GetKeys()}
