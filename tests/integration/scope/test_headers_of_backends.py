"""Headers of real images: every backend and every path must say the same things."""

import numpy as np
import pytest
import useq

from stentor.core.frame import FrameHeader
from stentor.microscope.arrival import Arrival
from stentor.microscope.header import HeaderMaker
from stentor.scope.rig import Rig

pytestmark = pytest.mark.timeout(60)


class Headers(list[FrameHeader]):
    """A sink that makes headers."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._maker: HeaderMaker = rig.headers(stream="test", run="0" * 32, clock_id="test")

    def __call__(self, arrival: Arrival) -> None:
        self.append(self._maker.make(arrival, len(self)))


def headers_of(rig: Rig, path: str) -> Headers:
    rig.core.setXYPosition(0, 0)
    headers = Headers(rig)
    event = useq.MDAEvent(index={"t": 0, "c": 1, "z": 2, "p": 3}, channel="DAPI", exposure=12, x_pos=20, y_pos=-10)
    report = rig.engine.run([event] if path == "snap" else [event] * 4, headers)
    assert (report.reason, report.sink_failures) == ("completed", 0)
    return headers


@pytest.mark.parametrize("path", ["snap", "sequence"])
def test_all_paths_write_the_same_header(rig: Rig, path: str) -> None:
    headers = headers_of(rig, path)
    header = headers[-1]

    assert header.frame_id.sequence == len(headers) - 1
    assert header.axes == {"t": 0, "c": 1, "z": 2, "p": 3}
    assert (header.t, header.c, header.z, header.p) == (0, 1, 2, 3)
    assert (header.channel, header.exposure_ms, header.camera) == ("DAPI", 12, "Camera")
    assert (header.shape_yx, header.dtype, header.bit_depth, header.binning) == ((512, 512), "uint16", 16, 1)
    assert header.roi_xywh == (0, 0, 512, 512)
    assert header.stage.x_um == pytest.approx(20, abs=0.1)
    assert header.stage.y_um == pytest.approx(-10, abs=0.1)
    assert header.stage.origin in ("read-back", "intended")
    assert header.pixel_size_um == pytest.approx(rig.core.getPixelSizeUm())


@pytest.mark.parametrize("path", ["snap", "sequence"])
def test_the_centre_of_the_image_is_where_the_stage_stands(rig: Rig, path: str) -> None:
    header = headers_of(rig, path)[-1]

    assert header.pixel_to_stage is not None
    y_um, x_um = header.pixel_to_stage.locate(np.array([255.5]), np.array([255.5]))
    assert (x_um[0], y_um[0]) == pytest.approx((20, -10), abs=0.1)


def test_live_mode_has_headers_too(rig: Rig) -> None:
    rig.core.setXYPosition(5, 6)
    headers = Headers(rig)

    rig.engine.live(headers, exposure_ms=10, frames=3)
    rig.engine.live(headers, exposure_ms=10, interval_ms=20, frames=2)

    assert [header.sequence for header in headers] == [0, 1, 2, 3, 4]
    assert {header.exposure_ms for header in headers} == {10}
    assert {header.camera for header in headers} == {"Camera"}
    assert headers[0].axes == {}
    assert headers[-1].stage.x_um == pytest.approx(5, abs=0.1)
    assert headers[0].channel is not None


def test_a_region_of_interest_keeps_its_place_on_the_stage(real_rig: Rig) -> None:
    core = real_rig.core
    core.setXYPosition(0, 0)
    core.setROI(100, 50, 64, 32)
    try:
        headers = Headers(real_rig)
        real_rig.engine.run([useq.MDAEvent()] * 2, headers)
    finally:
        core.clearROI()

    header = headers[-1]
    assert (header.shape_yx, header.roi_xywh) == ((32, 64), (100, 50, 64, 32))
    assert header.pixel_to_stage is not None
    y_um, x_um = header.pixel_to_stage.locate(np.array([0.0]), np.array([0.0]))
    assert (x_um[0], y_um[0]) == pytest.approx((100 - 255.5, 50 - 255.5), abs=0.1)


def test_binning_enlarges_the_pixel(real_rig: Rig) -> None:
    real_rig.core.setProperty("Camera", "Binning", "2")
    try:
        headers = Headers(real_rig)
        real_rig.engine.run([useq.MDAEvent()] * 2, headers)
    finally:
        real_rig.core.setProperty("Camera", "Binning", "1")

    assert (headers[-1].binning, headers[-1].shape_yx, headers[-1].pixel_size_um) == (2, (256, 256), 2.0)


def test_an_affine_that_the_core_made_up_places_nothing(real_rig: Rig) -> None:
    # The .cfg has 0.25 um for the 40x and no affine; MMCore 12.5 answers with the identity, four times too large.
    real_rig.core.setConfig("Objective", "40X")
    try:
        headers = Headers(real_rig)
        real_rig.engine.run([useq.MDAEvent()], headers)
        assert real_rig.frame_spec().pixel_size_um == 0.25
    finally:
        real_rig.core.setConfig("Objective", "10X")

    assert headers[0].pixel_to_stage is None


def test_the_simulated_camera_numbers_snaps_and_sequences_and_knows_the_end_of_exposure(rig: Rig) -> None:
    if rig.settings.kind != "simulated":
        pytest.skip("Micro-Manager's core has no such tags")
    headers = [*headers_of(rig, "snap"), *headers_of(rig, "sequence")]

    numbers = [header.camera_number for header in headers]
    assert numbers == sorted(set(numbers), key=lambda number: number or 0)
    assert all(header.exposure_end_ns and header.exposure_end_ns <= header.received_ns for header in headers)
