"""Pictures: they follow stage, focus, light and dose, and lie exactly over their truth."""

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from stentor.scope.simulated.light import Channel
from stentor.scope.simulated.microscope import Exposed, Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.sensor import Sensor
from stentor.scope.simulated.settings import SimulatedSettings

STILL = SimulatedSettings(
    seed=7,
    width=256,
    height=256,
    world_fields=3.0,
    time_scale=0.0,
    hot_pixels=0,
    depth_sd_um=0.0,
    stage_backlash_um=0.0,
)


def bench(**changes: object) -> tuple[Microscope, HandClock]:
    clock = HandClock()
    return Microscope(msgspec.structs.replace(STILL, **changes), clock), clock


def take(microscope: Microscope, clock: HandClock, exposure_ms: float = 100.0, frame: int = 0) -> Exposed:
    clock.advance(10)
    return microscope.expose(frame, clock.monotonic_ns(), exposure_ms, auto_shutter=True)


def sharpness(pixels: NDArray[np.uint16]) -> float:
    return float(cv2.Laplacian(cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 1.5), cv2.CV_32F).var())


def test_the_same_seed_and_frame_give_the_same_picture() -> None:
    first, second = (take(*bench()).pixels for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_two_frames_differ_by_noise() -> None:
    microscope, clock = bench()

    first, second = take(microscope, clock, frame=0).pixels, take(microscope, clock, frame=1).pixels

    assert (first != second).mean() > 0.5


@pytest.mark.parametrize(("rotation", "mirrored"), [(0.0, False), (0.0, True), (30.0, False), (200.0, True)])
def test_brightness_lies_on_the_truth_at_any_place_and_camera_angle(rotation: float, mirrored: bool) -> None:
    microscope, clock = bench(
        camera_rotation_deg=rotation, camera_mirrored=mirrored, clustering=0.0, nuclei_per_mm2=200.0, haze=0.0
    )
    for x_um, y_um in ((0.0, 0.0), (41.3, -17.7), (-60.1, 55.5)):
        microscope.move_xy(x_um, y_um)
        taken = take(microscope, clock)
        labels = taken.truth.labels()
        signal = np.clip(taken.pixels.astype(float) - np.median(taken.pixels[labels == 0]), 0, None)
        offsets = []
        for number, centre in zip(taken.truth.ids, taken.truth.centroids_px, strict=True):
            rows, columns = np.nonzero(labels == number)
            if len(rows) < 150 or rows.min() < 3 or columns.min() < 3 or max(rows.max(), columns.max()) > 252:
                continue
            near = cv2.dilate((labels == number).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            ys, xs = np.nonzero(near)
            weights = signal[near]
            offsets.append(np.array([np.average(xs, weights=weights), np.average(ys, weights=weights)]) - centre)
        assert len(offsets) >= 2
        assert np.abs(np.median(offsets, axis=0)).max() < 0.5
        assert np.hypot(*np.array(offsets).T).max() < 2.5


def test_a_stage_move_shifts_the_picture_by_its_pixels() -> None:
    microscope, clock = bench()
    before = take(microscope, clock).pixels.astype(np.float32)

    microscope.move_xy(13.0, -6.5)
    # Another frame: the same number would bring the same noise, which does not shift.
    after = take(microscope, clock, frame=1).pixels.astype(np.float32)

    # Going to larger x brings what was on the right to the middle: the picture goes left.
    matches = cv2.matchTemplate(after, before[60:196, 60:196], cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(matches)
    assert (column - 60, row - 60) == (-20, 10)
    assert best > 0.95


def test_an_exposure_during_a_move_is_smeared_and_short_of_the_target() -> None:
    microscope, clock = bench(stage_speed_um_per_s=300.0)
    still = take(microscope, clock)

    microscope.move_xy(90.0, 0.0)
    moving = microscope.expose(1, clock.monotonic_ns(), 100.0, auto_shutter=True)

    assert moving.truth.stage_um[0] == pytest.approx(15.0, abs=0.1)
    assert sharpness(moving.pixels) < 0.6 * sharpness(still.pixels)


def test_backlash_shows_in_the_truth_but_not_in_the_read_back() -> None:
    microscope, clock = bench(stage_backlash_um=4.0)
    positions = []
    for x_um in (50.0, 100.0, 50.0):
        microscope.move_xy(x_um, 0.0)
        positions.append(take(microscope, clock).truth.stage_um[0])

    assert microscope.x.reported_um(clock.monotonic_ns()) == 50.0
    assert positions[2] - positions[0] == pytest.approx(4.0)


def test_defocus_blurs_and_the_sharpest_plane_is_the_specimens() -> None:
    microscope, clock = bench(defocus_um=3.0, focus_backlash_um=0.0)
    scores = {}
    for z_um in (-9.0, -3.0, 0.0, 3.0, 6.0, 12.0):
        microscope.move_z(z_um)
        scores[z_um] = sharpness(take(microscope, clock).pixels)

    assert max(scores, key=scores.__getitem__) == 3.0
    assert scores[-9.0] < scores[-3.0] < scores[0.0] < scores[3.0] > scores[6.0] > scores[12.0]


def test_defocus_keeps_the_light() -> None:
    microscope, clock = bench(haze=0.0)
    sharp = take(microscope, clock).pixels.mean() - 100

    microscope.move_z(6.0)
    blurred = take(microscope, clock).pixels.mean() - 100

    assert blurred == pytest.approx(sharp, rel=0.06)


def test_light_and_exposure_scale_the_signal() -> None:
    microscope, clock = bench()
    full = take(microscope, clock).pixels.mean() - 100

    microscope.set_light(intensity=0.5)
    half = take(microscope, clock).pixels.mean() - 100
    short = take(microscope, clock, exposure_ms=20.0).pixels.mean() - 100

    assert half == pytest.approx(full / 2, rel=0.02)
    assert short == pytest.approx(full / 10, rel=0.05)


def test_without_light_there_is_only_the_cameras_offset() -> None:
    microscope, clock = bench()

    dark = microscope.expose(0, clock.monotonic_ns(), 100.0, auto_shutter=False).pixels

    assert dark.mean() == pytest.approx(100.0, abs=0.5)
    assert dark.std() == pytest.approx(2.0 * 0.4, abs=0.2)


def test_dose_bleaches_and_darkness_does_not() -> None:
    microscope, clock = bench(bleach_dose_s=1.0, toxic_dose_s=1e9, background_e=0.0, haze=0.0)
    first = take(microscope, clock).pixels.mean() - 100
    clock.advance(3600)
    after_darkness = take(microscope, clock).pixels.mean() - 100
    for _ in range(10):
        take(microscope, clock)
    after_light = take(microscope, clock).pixels.mean() - 100

    assert after_darkness == pytest.approx(first * np.exp(-0.1), rel=0.03)
    assert after_light == pytest.approx(first * np.exp(-1.2), rel=0.05)


def test_a_shutter_left_open_bleaches_between_the_frames() -> None:
    microscope, clock = bench(bleach_dose_s=10.0, background_e=0.0, haze=0.0)
    first = take(microscope, clock).pixels.mean() - 100

    microscope.set_light(is_open=True)
    later = take(microscope, clock).pixels.mean() - 100

    assert later < 0.45 * first


def test_a_picture_taken_while_the_filters_turn_is_dim() -> None:
    microscope, clock = bench(filter_ms=80.0)
    microscope.set_light(channel=Channel.PHASE)

    hasty = microscope.expose(0, clock.monotonic_ns(), 100.0, auto_shutter=True).pixels.mean() - 100
    patient = take(microscope, clock).pixels.mean() - 100

    assert hasty == pytest.approx(0.2 * patient, rel=0.05)


def test_phase_contrast_shows_other_things_than_the_stain() -> None:
    microscope, clock = bench()
    stain = take(microscope, clock)
    microscope.set_light(channel=Channel.PHASE)
    phase = take(microscope, clock)

    np.testing.assert_array_equal(stain.truth.ids, phase.truth.ids)
    assert abs(np.corrcoef(stain.pixels.ravel(), phase.pixels.ravel())[0, 1]) < 0.5
    assert phase.pixels.std() > 30


def test_noise_variance_grows_with_the_mean_as_photons_demand() -> None:
    settings = SimulatedSettings(width=400, height=400, hot_pixels=0, counts_per_e=0.5, read_noise_e=2.0)
    sensor = Sensor(settings)
    for electrons in (20.0, 100.0, 1000.0, 10000.0):
        counts = sensor.read(np.full((400, 400), electrons, np.float32), 0.0, frame=int(electrons))

        assert counts.mean() == pytest.approx(100 + 0.5 * electrons, rel=0.01)
        assert counts.var() == pytest.approx(0.25 * (electrons + 4.0) + 1 / 12, rel=0.05)


def test_the_sensor_saturates_at_its_bit_depth() -> None:
    sensor = Sensor(SimulatedSettings(width=64, height=64, bit_depth=12))

    counts = sensor.read(np.full((64, 64), 1e6, np.float32), 0.0, frame=0)

    assert (counts == 4095).all()


def test_hot_pixels_fill_with_time() -> None:
    sensor = Sensor(SimulatedSettings(width=64, height=64, hot_pixels=5))

    counts = sensor.read(np.zeros((64, 64), np.float32), 1000.0, frame=0)

    assert 3 <= (counts > 150).sum() <= 5


def test_no_nuclei_beyond_the_edge_of_the_world() -> None:
    microscope, clock = bench(stage_speed_um_per_s=1e6)
    microscope.move_xy(5000.0, 0.0)

    taken = take(microscope, clock)

    assert len(taken.truth.ids) == 0
    assert not taken.truth.labels().any()
