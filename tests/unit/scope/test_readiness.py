"""What is refused before the first image."""

import pytest
import useq

from stentor.core.errors import ConfigError, SourceError
from stentor.scope.readiness import EventCheck, check_camera, check_exposure, nearest, set_exposure


class FakeCore:
    """A core with one channel group, a camera that keeps exposures up to a second, and no drives."""

    def __init__(self, *, camera: str = "Camera", is_running: bool = False, components: int = 1) -> None:
        self.camera, self.is_running, self.components = camera, is_running, components
        self.exposure_ms = 10.0
        self.asked = 0

    def getCameraDevice(self) -> str:  # noqa: N802
        return self.camera

    def isSequenceRunning(self) -> bool:  # noqa: N802
        return self.is_running

    def getNumberOfComponents(self) -> int:  # noqa: N802
        return self.components

    def getBytesPerPixel(self) -> int:  # noqa: N802
        return 2

    def getAvailableConfigGroups(self) -> tuple[str, ...]:  # noqa: N802
        self.asked += 1
        return ("Channel", "Objective")

    def getAvailableConfigs(self, group: str) -> tuple[str, ...]:  # noqa: N802
        return ("DAPI", "FITC")

    def getXYStageDevice(self) -> str:  # noqa: N802
        return ""

    def getFocusDevice(self) -> str:  # noqa: N802
        return ""

    def setExposure(self, exposure_ms: float) -> None:  # noqa: N802
        self.exposure_ms = min(exposure_ms, 1000.0)

    def getExposure(self) -> float:  # noqa: N802
        return self.exposure_ms


@pytest.mark.parametrize(
    ("core", "says"),
    [
        (FakeCore(camera=""), "no camera"),
        (FakeCore(is_running=True), "live mode is on"),
        (FakeCore(components=4), "PixelType"),
    ],
)
def test_a_camera_that_is_not_ready_is_refused_with_the_remedy(core: FakeCore, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        check_camera(core)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (useq.MDAEvent(channel="fitc"), "did you mean FITC"),
        (useq.MDAEvent(channel={"group": "Chanel", "config": "DAPI"}), "did you mean Channel"),
        (useq.MDAEvent(x_pos=1, y_pos=1), "no xy drive"),
        (useq.MDAEvent(z_pos=1), "no focus drive"),
    ],
)
def test_an_event_that_cannot_be_carried_out_is_refused(event: useq.MDAEvent, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        EventCheck(FakeCore())(event)  # type: ignore[arg-type]


def test_a_channel_is_looked_up_once() -> None:
    core = FakeCore()
    check = EventCheck(core)  # type: ignore[arg-type]

    for _ in range(5):
        check(useq.MDAEvent(channel="DAPI"))

    assert core.asked == 1


@pytest.mark.parametrize("exposure_ms", [0, -1, float("nan"), 1e9])
def test_an_exposure_out_of_all_reason_is_refused(exposure_ms: float) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        check_exposure(exposure_ms)


def test_an_exposure_that_the_camera_does_not_keep_is_refused() -> None:
    core = FakeCore()

    set_exposure(core, 1000.0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="it keeps 1000 ms"):
        set_exposure(core, 2000.0)  # type: ignore[arg-type]


def test_names_far_from_all_known_ones_are_answered_with_the_list() -> None:
    assert nearest("xyz", ["DAPI", "FITC"]) == "Known: DAPI, FITC"
    assert nearest("xyz", []) == "there are none"
