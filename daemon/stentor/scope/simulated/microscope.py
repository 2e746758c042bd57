"""Microscope: specimen, optics, axes, light and sensor on one bench, sharing one clock."""

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import SourceError
from stentor.scope.simulated.axis import Axis
from stentor.scope.simulated.light import Channel, LightPath
from stentor.scope.simulated.microscope_clock import MicroscopeClock, RealClock
from stentor.scope.simulated.optics import Optics
from stentor.scope.simulated.pattern import Pattern
from stentor.scope.simulated.placement import View, pixel_to_stage, place
from stentor.scope.simulated.sensor import Counts, Sensor
from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.specimen import Specimen
from stentor.scope.simulated.truth import Truth, TruthRecorder, observe

_TRUTHS_KEPT = 64
_REFERENCE_MS = 100.0


@dataclass(frozen=True)
class Exposed:
    """One exposure of the whole sensor: pixels (Y, X) uint16, and the truth that belongs to them."""

    pixels: Counts
    truth: Truth
    start_ns: int
    end_ns: int
    channel: Channel


class Microscope:
    """The bench that the devices of the core act on.

    Devices call from any thread; one lock makes each call whole. `truth_of` is the side door for evaluators; the
    specimen's time 0 is `born_ns` on the clock.
    """

    def __init__(self, settings: SimulatedSettings, clock: MicroscopeClock | None = None) -> None:
        self.settings = settings
        self.clock: MicroscopeClock = clock or RealClock()
        self._lock = threading.Lock()
        self.born_ns = now = self.clock.monotonic_ns()
        self.specimen = Specimen(settings)
        self._optics = Optics(settings)
        self._sensor = Sensor(settings)
        settle_s = settings.settle_ms / 1000
        stage_speed, gap = settings.stage_speed_um_per_s, settings.stage_backlash_um
        self.x = Axis(speed_um_per_s=stage_speed, backlash_um=gap, settle_s=settle_s, now_ns=now)
        self.y = Axis(speed_um_per_s=stage_speed, backlash_um=gap, settle_s=settle_s, now_ns=now)
        self.z = Axis(
            speed_um_per_s=settings.focus_speed_um_per_s,
            backlash_um=settings.focus_backlash_um,
            settle_s=settle_s,
            now_ns=now,
        )
        self.light = LightPath(filter_ms=settings.filter_ms, now_ns=now)
        self._pattern = Pattern(settings)
        self._shone_until_ns = now
        self._truths: deque[Truth] = deque(maxlen=_TRUTHS_KEPT)
        self.recorder = TruthRecorder(Path(settings.truth_folder)) if settings.truth_folder else None

    def view(self, at_ns: int) -> View:
        """Tell where the objective truly looks at a time."""
        return View(self.x.true_um(at_ns), self.y.true_um(at_ns), self.z.true_um(at_ns))

    def move_xy(self, x_um: float, y_um: float) -> None:
        """Start a move of the slide."""
        with self._lock:
            now = self._account()
            self.x.move_to(x_um, now)
            self.y.move_to(y_um, now)

    def move_z(self, z_um: float) -> None:
        """Start a move of the focus drive."""
        with self._lock:
            self.z.move_to(z_um, self.clock.monotonic_ns())

    def set_light(
        self, *, is_open: bool | None = None, intensity: float | None = None, channel: Channel | None = None
    ) -> None:
        """Change shutter, lamp (0 to 1) or filter; None leaves one as it is."""
        with self._lock:
            now = self._account()
            if is_open is not None:
                self.light.is_open = is_open
            if intensity is not None:
                self.light.intensity = intensity
            if channel is not None:
                self.light.turn_to(channel, now)

    def set_pattern(self, lit: NDArray[np.bool_]) -> None:
        """Show an image on the SLM, (Y, X) of `SLM_SHAPE`, true where it lets light pass."""
        with self._lock:
            self._account()
            self._pattern.lit = lit

    def expose(self, frame: int, start_ns: int, exposure_ms: float, *, auto_shutter: bool) -> Exposed:
        """Take one picture of what is there at the middle of the exposure.

        Parameters
        ----------
        frame
            The camera's counter: it names the truth and chooses the noise.
        start_ns
            When the exposure began, or begins.
        auto_shutter
            Whether the camera opens the shutter for the exposure.
        """
        with self._lock:
            end_ns = start_ns + int(exposure_ms * 1e6)
            middle_ns = (start_ns + end_ns) // 2
            self._live(middle_ns)
            is_lit = self.light.is_open or auto_shutter
            share = self.light.transmitted(start_ns, end_ns) if is_lit else 0.0
            view = self.view(middle_ns)
            pixels, truth = self._picture(frame, view, share, exposure_ms, self._travel_px(start_ns, end_ns))
            if is_lit and not self.light.is_open:
                self._shine(share * exposure_ms / 1000, view)
            return Exposed(pixels, truth, start_ns, end_ns, self.light.channel)

    def publish_truth(self, truth: Truth) -> None:
        """Keep the truth of a frame as it was delivered, and record it where a folder was named."""
        with self._lock:
            self._truths.append(truth)
        if self.recorder:
            self.recorder.put(truth)

    def truth_of(self, frame: int) -> Truth:
        """Give the truth of one of the last frames by the camera's counter.

        Raises
        ------
        SourceError
            If the frame was not taken, or is too long ago.
        """
        with self._lock:
            for truth in reversed(self._truths):
                if truth.frame == frame:
                    return truth
        raise SourceError(f"no truth of frame {frame} in memory: the last {_TRUTHS_KEPT} are kept; set truth_folder")

    def close(self) -> None:
        """Write the last truths; may be called twice."""
        if self.recorder:
            self.recorder.close()

    def _picture(
        self, frame: int, view: View, share: float, exposure_ms: float, travel_px: tuple[float, float]
    ) -> tuple[Counts, Truth]:
        settings = self.settings
        placement = place(self.specimen, view, settings)
        light = share * exposure_ms / _REFERENCE_MS
        if self.light.channel == Channel.PHASE:
            canvas = self._optics.phase(self.specimen, placement, travel_px)
            canvas *= np.float32(light * settings.phase_e)
        elif self.light.channel == Channel.STIMULATION:
            canvas = self._pattern.on_sensor() * np.float32(light * settings.signal_e)
        else:
            canvas = self._optics.fluorescence(self.specimen, placement, travel_px)
            canvas *= np.float32(light * settings.signal_e)
            canvas += np.float32(light * settings.background_e)
        truth = observe(
            self.specimen,
            placement,
            frame=frame,
            shape=(settings.height, settings.width),
            stage_um=(view.x_um, view.y_um, view.z_um),
        )
        return self._sensor.read(canvas, exposure_ms, frame), truth

    def _travel_px(self, start_ns: int, end_ns: int) -> tuple[float, float]:
        before, after = self.view(start_ns), self.view(end_ns)
        way_um: NDArray[np.float64] = np.array([after.x_um - before.x_um, after.y_um - before.y_um])
        way_px = np.linalg.inv(pixel_to_stage(self.settings)) @ way_um
        return float(way_px[0]), float(way_px[1])

    def _live(self, at_ns: int) -> None:
        """Let light that was left on do its work, then the specimen live, until a time."""
        self._account()
        self.specimen.advance_to((at_ns - self.born_ns) / 1e9 * self.settings.time_scale)

    def _account(self) -> int:
        """Enter the dose of an open shutter up to now."""
        now = self.clock.monotonic_ns()
        if self.light.is_open:
            share = self.light.transmitted(self._shone_until_ns, now)
            self._shine(share * (now - self._shone_until_ns) / 1e9, self.view(now))
        self._shone_until_ns = now
        return now

    def _shine(self, dose_s: float, view: View) -> None:
        if dose_s > 0 and self.light.channel == Channel.STIMULATION:
            placed = place(self.specimen, view, self.settings, margin_um=0.0)
            self.specimen.stimulate(placed.rows[self._pattern.lights(placed.centre_px)], dose_s)
        if dose_s <= 0 or self.light.channel != Channel.DAPI:
            return
        width_um = self.settings.width * self.settings.pixel_size_um
        height_um = self.settings.height * self.settings.pixel_size_um
        # The lit disc is a little larger than the sensor, as a field diaphragm is set in practice.
        self.specimen.shine((view.x_um, view.y_um), (0.55 * width_um, 0.55 * height_um), dose_s)
