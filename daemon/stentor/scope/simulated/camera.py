"""Camera: delivers exposures by deadline to Micro-Manager's core, and counts what it could not deliver."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pymmcore_plus.experimental.unicore import SimpleCameraDevice

from stentor.scope.simulated.binning import FACTORS, binned
from stentor.scope.simulated.light import CHANNEL_LABELS
from stentor.scope.simulated.microscope import Exposed, Microscope

FRAME_COUNTER = "FrameCounter"
FRAMES_DROPPED = "FramesDropped"
EXPOSURE_START_NS = "ExposureStart_ns"
EXPOSURE_END_NS = "ExposureEnd_ns"
TRUE_X_UM = "TrueX_um"
TRUE_Y_UM = "TrueY_um"
TRUE_Z_UM = "TrueZ_um"
SPECIMEN_S = "SpecimenTime_s"
CHANNEL = "SimulatedChannel"


class SimulatedCamera(SimpleCameraDevice):
    """A camera whose frame n of a sequence is exposed at `start + n * interval`, whoever is slow.

    The interval is the longer of exposure and readout. The picture is drawn during the second half of its exposure;
    when that takes so long that whole exposures pass meanwhile, these are dropped as a camera without memory drops
    them: the counter jumps, and the property `FramesDropped` says how often.

    `FrameCounter` counts exposures over the life of the camera, in snaps and sequences alike. The core drops a
    snap's tags: read `FrameCounter` and its neighbours as properties of the camera after a snap.
    """

    def __init__(self, microscope: Microscope, auto_shutter: Callable[[], bool]) -> None:
        super().__init__()
        self._microscope = microscope
        self._auto_shutter = auto_shutter
        self._exposure_ms = 100.0
        self._binning = 1
        self._next_frame = 0
        self._dropped = 0
        self._tags: dict[str, str | int | float] = {}
        self._give_up = threading.Event()
        last = {
            FRAME_COUNTER: int,
            EXPOSURE_START_NS: str,
            EXPOSURE_END_NS: str,
            TRUE_X_UM: float,
            TRUE_Y_UM: float,
        }
        for name, kind in {**last, TRUE_Z_UM: float, SPECIMEN_S: float}.items():
            self.register_property(name, getter=_reader(name, kind), property_type=kind, is_read_only=True)
        self.register_property(FRAMES_DROPPED, getter=_dropped, property_type=int, is_read_only=True)

    @property
    def frames_dropped(self) -> int:
        """Exposures that passed while an earlier one was still being drawn."""
        return self._dropped

    @property
    def last_tags(self) -> Mapping[str, str | int | float]:
        """Tags of the newest frame; empty before the first."""
        return self._tags

    def get_exposure(self) -> float:
        """Tell the exposure in milliseconds."""
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure in milliseconds; a running sequence keeps its own."""
        if not exposure > 0:
            raise ValueError(f"exposure {exposure} ms: give a time above 0")
        self._exposure_ms = float(exposure)

    def get_binning(self) -> int:
        """Tell how many pixels a side become one."""
        return self._binning

    def set_binning(self, value: int) -> None:
        """Bin from the next exposure on; the region of interest becomes the whole chip, as with most cameras."""
        if int(value) not in FACTORS:
            raise ValueError(f"binning {value}: this camera bins {', '.join(map(str, FACTORS))}")
        if int(value) != self._binning:
            self._binning = int(value)
            self.clear_roi()

    def sensor_shape(self) -> tuple[int, int]:
        """Tell (height, width) of the sensor in binned pixels."""
        settings = self._microscope.settings
        return settings.height // self._binning, settings.width // self._binning

    def dtype(self) -> DTypeLike:
        """Tell the type of a pixel."""
        return np.uint16

    def snap(self, buffer: NDArray[np.uint16]) -> Mapping[str, str | int | float]:
        """Expose once, now, and fill a buffer of the sensor's shape."""
        self._give_up.clear()
        start_ns = self._microscope.clock.monotonic_ns()
        return self._take(start_ns, self._exposure_ms, (0, 0, *self.sensor_shape()[::-1]), lambda: buffer)

    def start_sequence(
        self, n: int | None, get_buffer: Callable[[Sequence[int], DTypeLike], NDArray[np.uint16]]
    ) -> Iterator[Mapping[str, str | int | float]]:
        """Give an iterator over the tags of one frame after another; the core runs it in a thread of its own.

        Parameters
        ----------
        n
            How many frames to deliver; None: until stopped.
        get_buffer
            Gives the place for the next frame; raises when the core's buffer has overflowed, which ends the sequence.
        """
        # Here and not in the generator, which starts later in another thread: a stop in between must count.
        self._give_up.clear()
        return self._frames(n, get_buffer)

    def _frames(
        self, n: int | None, get_buffer: Callable[[Sequence[int], DTypeLike], NDArray[np.uint16]]
    ) -> Iterator[Mapping[str, str | int | float]]:
        clock, exposure_ms, roi = self._microscope.clock, self._exposure_ms, self.get_roi()
        exposure_ns = int(exposure_ms * 1e6)
        interval_ns = max(exposure_ns, int(self._microscope.settings.readout_ms * 1e6))
        start_ns = clock.monotonic_ns()
        delivered = 0
        while n is None or delivered < n:
            tags = self._take(start_ns, exposure_ms, roi, lambda: get_buffer((roi[3], roi[2]), np.uint16))
            if not tags:
                return
            yield tags
            delivered += 1
            start_ns += interval_ns
            missed = (clock.monotonic_ns() - start_ns - exposure_ns) // interval_ns
            if missed > 0:
                self._dropped += missed
                self._next_frame += missed
                start_ns += missed * interval_ns

    def give_up(self) -> None:
        """End a sequence in the middle of an exposure; the frame is not delivered."""
        self._give_up.set()

    def _take(
        self,
        start_ns: int,
        exposure_ms: float,
        roi: tuple[int, int, int, int],
        place: Callable[[], NDArray[np.uint16]],
    ) -> Mapping[str, str | int | float]:
        """Expose, wait for the end of the exposure, deliver; empty tags when told to give up."""
        microscope, frame = self._microscope, self._next_frame
        middle_ns = start_ns + int(exposure_ms * 5e5)
        if not microscope.clock.wait_until(middle_ns, self._give_up):
            return {}
        exposed = microscope.expose(frame, start_ns, exposure_ms, auto_shutter=self._auto_shutter())
        if not microscope.clock.wait_until(exposed.end_ns, self._give_up):
            return {}
        self._next_frame += 1
        x, y, width, height = roi
        settings, factor = microscope.settings, self._binning
        ceiling = 2**settings.bit_depth - 1
        pixels = binned(exposed.pixels, factor, offset=settings.offset_counts, ceiling=ceiling)
        np.copyto(place(), pixels[y : y + height, x : x + width])
        microscope.publish_truth(exposed.truth.binned(factor).cropped(x, y, width, height))
        self._tags = _tags(frame, exposed)
        return self._tags


def _tags(frame: int, exposed: Exposed) -> dict[str, str | int | float]:
    x_um, y_um, z_um = exposed.truth.stage_um
    return {
        FRAME_COUNTER: frame,
        EXPOSURE_START_NS: str(exposed.start_ns),
        EXPOSURE_END_NS: str(exposed.end_ns),
        TRUE_X_UM: x_um,
        TRUE_Y_UM: y_um,
        TRUE_Z_UM: z_um,
        SPECIMEN_S: exposed.truth.specimen_s,
        CHANNEL: CHANNEL_LABELS[exposed.channel],
    }


def _reader(name: str, kind: type) -> Callable[[SimulatedCamera], str | int | float]:
    missing: str | int | float = "" if kind is str else kind(-1)
    return lambda camera: camera.last_tags.get(name, missing)


def _dropped(camera: SimulatedCamera) -> int:
    return camera.frames_dropped
