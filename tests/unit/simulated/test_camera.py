"""The camera: paced by deadline, honest about what it dropped, numbered over its whole life."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from stentor.scope.simulated.camera import EXPOSURE_START_NS, FRAME_COUNTER, SimulatedCamera
from stentor.scope.simulated.microscope import Exposed, Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import SimulatedSettings

TINY = SimulatedSettings(seed=1, width=64, height=48, world_fields=1.0, time_scale=0.0, readout_ms=5.0)
MS = 1_000_000


class SlowMicroscope(Microscope):
    """Needs `drawing_ms` of the clock to draw a frame."""

    drawing_ms = 0.0

    def expose(self, frame: int, start_ns: int, exposure_ms: float, *, auto_shutter: bool) -> Exposed:
        exposed = super().expose(frame, start_ns, exposure_ms, auto_shutter=auto_shutter)
        assert isinstance(self.clock, HandClock)
        self.clock.advance(self.drawing_ms / 1000)
        return exposed


def camera(*, drawing_ms: float = 0.0, exposure_ms: float = 20.0) -> SimulatedCamera:
    microscope = SlowMicroscope(TINY, HandClock())
    microscope.drawing_ms = drawing_ms
    device = SimulatedCamera(microscope, lambda: True)
    device.set_exposure(exposure_ms)
    return device


def run(device: SimulatedCamera, count: int) -> list[Mapping[str, str | int | float]]:
    def buffer(shape: Sequence[int], dtype: DTypeLike) -> NDArray[np.uint16]:
        return np.empty(shape, np.uint16)

    return [dict(tags) for tags in device.start_sequence(count, buffer)]


def starts_ms(tags: list[Mapping[str, str | int | float]]) -> list[float]:
    first = int(tags[0][EXPOSURE_START_NS])
    return [(int(tag[EXPOSURE_START_NS]) - first) / MS for tag in tags]


def test_frames_begin_at_whole_multiples_of_the_interval() -> None:
    assert starts_ms(run(camera(drawing_ms=7.0), 5)) == [0.0, 20.0, 40.0, 60.0, 80.0]


def test_the_readout_limits_short_exposures() -> None:
    assert starts_ms(run(camera(exposure_ms=1.0), 4)) == [0.0, 5.0, 10.0, 15.0]


def test_a_slow_frame_delays_none_of_the_later_ones() -> None:
    device = camera(drawing_ms=20.0)

    tags = run(device, 10)

    assert starts_ms(tags) == [20.0 * n for n in range(10)]
    assert device.frames_dropped == 0


def test_when_drawing_takes_longer_than_the_interval_the_counter_jumps_and_says_so() -> None:
    device = camera(drawing_ms=70.0)

    tags = run(device, 5)

    counters = [int(tag[FRAME_COUNTER]) for tag in tags]
    missing = counters[-1] + 1 - len(counters)
    assert missing > 0
    # Those that passed while the last frame was drawn are dropped as well.
    assert device.frames_dropped >= missing
    assert starts_ms(tags) == [20.0 * counter for counter in counters]


def test_the_counter_runs_on_over_snaps_and_sequences() -> None:
    device = camera()
    buffer = np.empty(device.sensor_shape(), np.uint16)

    counters = [int(device.snap(buffer)[FRAME_COUNTER])]
    counters += [int(tag[FRAME_COUNTER]) for tag in run(device, 3)]
    counters += [int(device.snap(buffer)[FRAME_COUNTER])]

    assert counters == [0, 1, 2, 3, 4]


def test_giving_up_ends_the_sequence_without_another_frame() -> None:
    device = camera()
    seen = []

    for tags in device.start_sequence(None, lambda shape, dtype: np.empty(shape, np.uint16)):
        seen.append(tags)
        if len(seen) == 3:
            device.give_up()

    assert len(seen) == 3


def test_a_region_of_interest_is_cut_from_pixels_and_truth_alike() -> None:
    microscope = Microscope(msgspec.structs.replace(TINY, width=256, height=256), HandClock())
    device = SimulatedCamera(microscope, lambda: True)
    full = np.empty((256, 256), np.uint16)
    device.snap(full)
    whole = microscope.truth_of(0).labels()

    device.set_roi(30, 50, 120, 90)
    run(device, 1)
    part = microscope.truth_of(1)

    assert part.shape == (90, 120)
    # Polygons cut by the border may differ in single pixels of it.
    assert (part.labels() != whole[50:140, 30:150]).mean() < 0.001


@pytest.mark.parametrize("exposure_ms", [0.0, -1.0, float("nan")])
def test_an_impossible_exposure_is_refused(exposure_ms: float) -> None:
    with pytest.raises(ValueError, match="exposure"):
        camera().set_exposure(exposure_ms)
