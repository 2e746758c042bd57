"""Opening a rig: what it is like when it works, and what it says when it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stentor.core.errors import ConfigError, SourceError
from stentor.scope.rig import Rig, open_rig
from stentor.scope.settings import RigSettings

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def settings(config_file: Path, adapters: Path) -> RigSettings:
    return RigSettings(
        kind="micro-manager", engine="pymmcore-plus", config_file=str(config_file), adapter_path=str(adapters)
    )


def with_text(settings: RigSettings, path: Path, text: str | bytes) -> RigSettings:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return msgspec.structs.replace(settings, config_file=str(path))


def test_a_rig_tells_what_its_frames_will_look_like(rig: Rig) -> None:
    spec = rig.frame_spec()

    assert (spec.shape_yx, spec.dtype) == ((512, 512), "uint16")
    assert spec.pixel_size_um == pytest.approx(rig.core.getPixelSizeUm())


def test_a_rig_applies_camera_channel_and_exposure(settings: RigSettings) -> None:
    rig = open_rig(
        msgspec.structs.replace(settings, camera="Camera", channel_group="Channel", channel="Cy5", exposure_ms=17)
    )

    assert rig.core.getCurrentConfig("Channel") == "Cy5"
    assert rig.core.getExposure() == 17
    rig.close()


def test_a_relative_configuration_is_found_beside_the_adapters(settings: RigSettings) -> None:
    rig = open_rig(msgspec.structs.replace(settings, config_file="MMConfig_demo.cfg"))

    assert rig.core.getCameraDevice() == "Camera"
    rig.close()


def test_a_frame_of_a_smaller_camera_chip_is_counted_from_the_whole(rig: Rig) -> None:
    assert rig.chip_wh == (512, 512)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"config_file": None}, "config_file is missing"),
        ({"config_file": "nowhere.cfg"}, "no file nowhere.cfg"),
        ({"adapter_path": "/nowhere"}, "no folder /nowhere"),
        ({"channel": "Dapi"}, "did you mean DAPI"),
        ({"channel_group": "Chanel"}, "did you mean Channel"),
        ({"camera": "Kamera"}, "did you mean TCamera or Camera|did you mean Camera"),
        ({"exposure_ms": 1e9}, "cannot be made"),
        ({"exposure_ms": 3_000_000.0}, "takes no exposure of 3000000"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(settings: RigSettings, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        open_rig(msgspec.structs.replace(settings, **change))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Devize,Foo,DemoCamera,DCam", "'Devize' is no configuration command; did you mean Device"),
        ("Property,Camera", "line .*number of tokens"),
        ("Property,Camera,Nope,1", "line .*Nope"),
        ("Device,Foo,NoSuchLibrary,Dev", "line .*rig.adapter_path"),
        ("Device,Foo,DemoCamera,NoSuchDevice", "line .*NoSuchDevice"),
        ("\x00\x07garbage", "the file is damaged"),
    ],
)
def test_a_corrupt_line_is_named_by_number(settings: RigSettings, tmp_path: Path, line: str, says: str) -> None:
    text = Path(settings.config_file or "").read_text()
    corrupt = with_text(settings, tmp_path / "corrupt.cfg", f"{text}\n{line}\n")

    with pytest.raises(ConfigError, match=says) as caught:
        open_rig(corrupt)

    assert f"corrupt.cfg, line {len(text.splitlines()) + 2}" in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"# nothing but comments\n", b"Property,Core,Initialize,0\n"])
def test_a_file_without_devices_is_refused(settings: RigSettings, tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ConfigError, match="names no device"):
        open_rig(with_text(settings, tmp_path / "cut-off.cfg", text))


def test_a_configuration_without_camera_is_refused(settings: RigSettings, tmp_path: Path) -> None:
    text = "Device,XY,DemoCamera,DXYStage\nProperty,Core,Initialize,1\n"

    with pytest.raises(SourceError, match="no camera"):
        open_rig(with_text(settings, tmp_path / "blind.cfg", text))


def test_pycromanager_finds_the_same_faults(settings: RigSettings, tmp_path: Path) -> None:
    text = "Device,Camera,DemoCamera,DCam\nProperty,Core,Initialize,1\nProperty,Camera,Nope,1\n"
    corrupt = msgspec.structs.replace(with_text(settings, tmp_path / "corrupt.cfg", text), engine="pycromanager")

    with pytest.raises((ConfigError, SourceError), match=r"line 3: .*Nope|one core in a process"):
        open_rig(corrupt)


def test_the_simulated_microscope_has_one_engine() -> None:
    with pytest.raises(ConfigError, match="leave `engine` out"):
        open_rig(RigSettings(kind="simulated", engine="pycromanager"))


def test_engines_are_chosen_by_kind(open_backend: Callable[[str], Rig]) -> None:
    names = {name: type(open_backend(name).engine).__name__ for name in ("pycromanager", "pymmcore-plus", "simulated")}

    assert names == {"pycromanager": "PycroEngine", "pymmcore-plus": "PlusEngine", "simulated": "PlusEngine"}
