"""Pixel to stage: an object that is located in an image comes to the centre when the stage goes there."""

import numpy as np
import pytest

from stentor.core.frame import FrameHeader
from stentor.inference.model import Found, load_model
from stentor.microscope.arrival import Arrival
from stentor.scope.rig import Rig, open_rig
from stentor.scope.settings import RigSettings
from stentor.scope.simulated.core import SimulatedCore
from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.truth import Truth

NEAR_PX = 2.0


def simulated_rig(**settings: float) -> Rig:
    exact = {"stage_backlash_um": 0.0, "settle_ms": 1.0, "stage_speed_um_per_s": 1e5, "focus_backlash_um": 0.0}
    made = SimulatedSettings(seed=4, width=512, height=512, **{**exact, **settings})  # type: ignore[arg-type]
    return open_rig(RigSettings(simulated=made))


def picture(rig: Rig) -> tuple[FrameHeader, np.ndarray, Truth]:
    """Take one image as the scope does, with its header and its truth."""
    headers = rig.headers(stream="camera", run="r", clock_id="c")
    taken: list[tuple[FrameHeader, np.ndarray]] = []

    def sink(arrival: Arrival) -> None:
        taken.append((headers.make(arrival, 0), arrival.pixels.copy()))

    rig.engine.live(sink, exposure_ms=20.0, interval_ms=10.0, frames=1)
    core = rig.core
    assert isinstance(core, SimulatedCore)
    ((header, pixels),) = taken
    assert header.camera_number is not None
    return header, pixels, core.microscope.truth_of(header.camera_number)


def go_to(rig: Rig, x_um: float, y_um: float) -> None:
    rig.core.setXYPosition(x_um, y_um)
    rig.core.waitForDevice(rig.core.getXYStageDevice())


def found_nuclei(found: Found, truth: Truth) -> list[tuple[int, float, float]]:
    """Id, row and column of the objects that are whole in the image and certainly one nucleus."""
    labels = truth.labels()
    rows = []
    for index in range(len(found.objects)):
        y, x = float(found.objects["y_px"][index]), float(found.objects["x_px"][index])
        number = int(labels[round(y), round(x)])
        area = np.count_nonzero(labels == number)
        edge = min(y, x, labels.shape[0] - y, labels.shape[1] - x)
        if number and edge > 20 and abs(found.objects["area_px"][index] / area - 1) < 0.1:
            rows.append((number, y, x))
    return rows


@pytest.mark.parametrize(
    ("rotation", "is_mirrored", "binning"),
    [(0, False, 1), (90, False, 1), (180, True, 2), (-90, True, 1), (37, True, 2)],
)
def test_an_object_comes_to_the_centre_when_the_stage_goes_where_it_is(
    rotation: float, is_mirrored: bool, binning: int
) -> None:
    rig = simulated_rig(camera_rotation_deg=rotation, camera_mirrored=is_mirrored)
    try:
        rig.core.setProperty("Camera", "Binning", binning)
        rig.core.setROI(120 // binning, 40 // binning, 300 // binning, 340 // binning)  # off-centre, and no square
        go_to(rig, 35.0, -20.0)
        header, pixels, truth = picture(rig)
        found = load_model("nuclei", device="cpu")(pixels, pixel_size_um=header.pixel_size_um)
        rig.core.clearROI()

        nuclei = found_nuclei(found, truth)[:3]
        misses = []
        for number, y_px, x_px in nuclei:
            assert header.pixel_to_stage is not None
            y_um, x_um = header.pixel_to_stage.locate(np.array([y_px]), np.array([x_px]))
            go_to(rig, float(x_um[0]), float(y_um[0]))
            _, _, after = picture(rig)
            (where,) = after.centroids_px[after.ids == number]
            centre = (np.array(after.shape[::-1]) - 1) / 2
            misses.append(float(np.hypot(*(where - centre))))
    finally:
        rig.close()

    assert len(misses) == 3
    assert max(misses) < NEAR_PX, misses


def test_binning_makes_pixels_larger_and_the_region_of_interest_whole() -> None:
    rig = simulated_rig()
    try:
        before, *_ = picture(rig)
        rig.core.setROI(10, 10, 100, 100)
        rig.core.setProperty("Camera", "Binning", 2)
        after, pixels, _ = picture(rig)
    finally:
        rig.close()

    assert (before.binning, after.binning) == (1, 2)
    assert before.pixel_size_um is not None and after.pixel_size_um == pytest.approx(2 * before.pixel_size_um)
    assert after.roi_xywh == (0, 0, 256, 256) and pixels.shape == (256, 256)
