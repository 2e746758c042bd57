"""One form for every dialect; the dictionaries were written by pycromanager 1.0.2 and pymmcore-plus 0.18.1."""

from typing import Any

import numpy as np
import pytest
import useq

from stentor.core.errors import SourceError
from stentor.core.frame import FrameHeader
from stentor.microscope.arrival import Arrival
from stentor.microscope.header import HeaderMaker

PYCRO_SNAP = {
    "Camera": "Camera", "Height": 512, "Width": 512, "PixelType": None, "CameraChannelIndex": 0, "PixelSize_um": 1.0,
    "ElapsedTime-ms": 783.03, "Time": "2026-11-23 16:15:43 -", "Axes": {"time": 2, "channel": "FITC", "z": 1},
    "XPosition_um_Intended": 10.0, "YPosition_um_Intended": 12.0, "ZPosition_um_Intended": 1.0, "Exposure": 20.0,
}  # fmt: skip
PYCRO_SEQUENCE = {
    "Binning": "2", "Camera": "Camera", "ElapsedTime-ms": 0.0, "Height": "512", "ImageNumber": "499",
    "PixelType": "GRAY16", "ROI-X-start": "8", "ROI-Y-start": "4", "TimeReceivedByCore": "2026-11-23 16:15:49.247",
    "Width": "512", "PixelSize_um": 1.0, "Axes": {"time": 499}, "Exposure": 20.0,
}  # fmt: skip
PLUS_SNAP = {
    "format": "frame-dict", "version": "1.0", "runner_time_ms": 845.0, "camera_device": "Camera",
    "property_values": (), "exposure_ms": 20.0, "pixel_size_um": 1.0, "position": {"x": 10.005, "y": 12.0, "z": 1.0},
}  # fmt: skip
PLUS_SEQUENCE = {
    "format": "frame-dict", "version": "1.0", "runner_time_ms": 5392.2, "camera_device": "Camera",
    "property_values": (), "exposure_ms": 20.0, "pixel_size_um": 1.0, "hardware_triggered": True,
    "camera_metadata": {"Binning": "1", "Camera": "Camera", "ImageNumber": "499", "ROI-X-start": "0",
                        "ROI-Y-start": "0", "Height": "512", "Width": "512", "PixelType": "GRAY16"},
}  # fmt: skip
LIVE = {"Camera": "Camera", "ImageNumber": "7", "Exposure": 20.0}


class FakeCore:
    """A core with a calibrated camera and both drives; every attribute may be changed."""

    def __init__(self) -> None:
        self.shape = (6, 8)
        self.pixel_size_um = 0.5
        self.cameras = ("Camera",)
        self.affine = (0.5, 0.0, 0.0, 0.0, 0.5, 0.0)
        self.xy_drive = "XY"
        self.readings = 0

    def getCameraDevice(self) -> str:  # noqa: N802
        return "Camera"

    def getNumberOfCameraChannels(self) -> int:  # noqa: N802
        return len(self.cameras)

    def getCameraChannelName(self, index: int) -> str:  # noqa: N802
        return self.cameras[index]

    def hasProperty(self, device: str, name: str) -> bool:  # noqa: N802
        return True

    def getProperty(self, device: str, name: str) -> str:  # noqa: N802
        return "1x1"

    def getROI(self) -> list[int]:  # noqa: N802
        self.readings += 1
        return [0, 0, self.shape[1], self.shape[0]]

    def getImageHeight(self) -> int:  # noqa: N802
        return self.shape[0]

    def getImageWidth(self) -> int:  # noqa: N802
        return self.shape[1]

    def getImageBitDepth(self) -> int:  # noqa: N802
        return 12

    def getExposure(self) -> float:  # noqa: N802
        return 33.0

    def getChannelGroup(self) -> str:  # noqa: N802
        return "Channel"

    def getCurrentConfigFromCache(self, group: str) -> str:  # noqa: N802
        return "Cy5"

    def getXYStageDevice(self) -> str:  # noqa: N802
        return self.xy_drive

    def getFocusDevice(self) -> str:  # noqa: N802
        return "Z"

    def waitForDevice(self, drive: str) -> None:  # noqa: N802
        if drive == "stuck":
            raise RuntimeError("timed out")

    def getXPosition(self, drive: str) -> float:  # noqa: N802
        return 100.0

    def getYPosition(self, drive: str) -> float:  # noqa: N802
        return 200.0

    def getPosition(self, drive: str) -> float:  # noqa: N802
        return 3.0

    def getPixelSizeAffine(self) -> tuple[float, ...]:  # noqa: N802
        return self.affine

    def getPixelSizeUm(self) -> float:  # noqa: N802
        return self.pixel_size_um


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


def maker_for(core: Any) -> HeaderMaker:
    return HeaderMaker(core, stream="cam", run="r" * 32, clock_id="here")


def header_of(
    core: FakeCore, metadata: dict[str, Any], event: useq.MDAEvent | None = None, *, received_ns: int = 1_000
) -> FrameHeader:
    return maker_for(core).make(Arrival(np.zeros(core.shape, np.uint16), received_ns, metadata, event), 5)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (PYCRO_SNAP, {"exposure_ms": 20, "camera_number": None, "binning": 1, "t": 2, "z": 1, "channel": "FITC"}),
        (PYCRO_SEQUENCE, {"exposure_ms": 20, "camera_number": 499, "binning": 2, "t": 499, "channel": "Cy5"}),
        (PLUS_SNAP, {"exposure_ms": 20, "camera_number": None, "binning": 1, "t": None, "channel": "Cy5"}),
        (PLUS_SEQUENCE, {"exposure_ms": 20, "camera_number": 499, "binning": 1, "t": None}),
        (LIVE, {"exposure_ms": 20, "camera_number": 7, "t": None, "axes": {}, "channel": "Cy5"}),
        ({}, {"exposure_ms": 33, "camera_number": None, "camera": "Camera", "binning": 1, "axes": {}}),
        ({"Exposure": "nonsense", "ImageNumber": "", "Binning": None}, {"exposure_ms": 33, "camera_number": None}),
    ],
)
def test_every_dialect_is_read(core: FakeCore, metadata: dict[str, Any], expected: dict[str, Any]) -> None:
    header = header_of(core, metadata)

    assert {name: getattr(header, name) for name in expected} == expected
    assert (header.camera, header.bit_depth, header.dtype, header.shape_yx) == ("Camera", 12, "uint16", (6, 8))
    assert (str(header.frame_id), header.received_ns, header.clock_id) == ("cam/rrrrrrrr/5", 1_000, "here")


def test_axes_are_kept_exactly_as_the_acquisition_wrote_them(core: FakeCore) -> None:
    assert header_of(core, PYCRO_SNAP).axes == {"time": 2, "channel": "FITC", "z": 1}


def test_an_event_says_more_than_the_metadata(core: FakeCore) -> None:
    event = useq.MDAEvent(index={"t": 4, "c": 1, "p": 2}, channel="DAPI", x_pos=1, y_pos=2)

    header = header_of(core, {"Axes": {"event": 17}}, event)

    assert (header.axes, header.t, header.c, header.z, header.p) == ({"t": 4, "c": 1, "p": 2}, 4, 1, None, 2)
    assert header.channel == "DAPI"


@pytest.mark.parametrize(
    ("metadata", "event", "xyz", "origin"),
    [
        (PLUS_SNAP, None, (10.005, 12, 1), "read-back"),
        (PYCRO_SNAP, None, (10, 12, 1), "intended"),
        (PLUS_SEQUENCE, useq.MDAEvent(x_pos=5, y_pos=6), (5, 6, 3), "intended"),
        (LIVE, None, (100, 200, 3), "read-back"),
    ],
)
def test_a_position_says_where_it_comes_from(
    core: FakeCore, metadata: dict[str, Any], event: useq.MDAEvent | None, xyz: tuple[float, ...], origin: str
) -> None:
    stage = header_of(core, metadata, event).stage

    assert ((stage.x_um, stage.y_um, stage.z_um), stage.origin) == (xyz, origin)


def test_what_an_event_leaves_out_stays_where_the_event_before_put_it(core: FakeCore) -> None:
    maker = maker_for(core)
    pixels = np.zeros(core.shape, np.uint16)

    maker.make(Arrival(pixels, 0, {}, useq.MDAEvent(z_pos=9)), 0)
    stage = maker.make(Arrival(pixels, 0, {}, useq.MDAEvent()), 1).stage

    assert (stage.x_um, stage.z_um, stage.origin) == (100, 9, "intended")


@pytest.mark.parametrize("drive", ["", "stuck"])
def test_an_unknown_position_is_none_and_places_nothing(core: FakeCore, drive: str) -> None:
    core.xy_drive = drive

    header = header_of(core, LIVE)

    assert (header.stage.x_um, header.stage.y_um, header.stage.z_um) == (None, None, 3)
    assert header.pixel_to_stage is None


def test_the_centre_of_the_image_is_where_the_stage_stands(core: FakeCore) -> None:
    place = header_of(core, LIVE).pixel_to_stage

    assert place is not None
    y_um, x_um = place.locate(np.array([2.5]), np.array([3.5]))
    assert (x_um[0], y_um[0]) == (100, 200)


@pytest.mark.parametrize(("pixel_size_um", "is_warned"), [(0.0, False), (0.125, True)])
def test_an_uncalibrated_microscope_places_nothing_and_says_so(
    core: FakeCore, pixel_size_um: float, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    core.pixel_size_um = pixel_size_um

    header = header_of(core, LIVE)

    assert (header.pixel_to_stage, header.pixel_size_um) == (None, pixel_size_um or None)
    assert ("not calibrated" in caplog.text) is is_warned


@pytest.mark.parametrize(("index", "camera"), [(0, "Left"), (1, "Right")])
def test_a_snap_of_two_cameras_is_named_after_the_one_that_made_it(core: FakeCore, index: int, camera: str) -> None:
    core.cameras = ("Left", "Right")

    assert header_of(core, {"Camera": "Multi", "CameraChannelIndex": index}).camera == camera


def test_the_core_is_read_anew_only_when_images_change_their_size(core: FakeCore) -> None:
    maker = maker_for(core)
    for shape in ((6, 8), (6, 8), (3, 4), (3, 4)):
        core.shape = shape
        maker.make(Arrival(np.zeros(shape, np.uint16), 0, LIVE, None), 0)

    assert core.readings == 2


@pytest.mark.parametrize(
    "pixels", [np.zeros((6, 8, 3), np.uint8), np.zeros((6, 8), np.uint32), np.zeros((6, 8), np.float64)]
)
def test_colour_and_odd_pixels_are_refused_with_the_remedy(core: FakeCore, pixels: np.ndarray[Any, Any]) -> None:
    with pytest.raises(SourceError, match="PixelType"):
        maker_for(core).make(Arrival(pixels, 0, {}, None), 0)


@pytest.mark.parametrize(("end", "expected"), [("900", 900), ("1001", None), (None, None), ("soon", None)])
def test_the_end_of_exposure_is_believed_only_if_it_can_be(core: FakeCore, end: str | None, expected: int) -> None:
    assert header_of(core, {"camera_metadata": {"ExposureEnd_ns": end}}).exposure_end_ns == expected
