"""The rigs under test: each backend is opened once, since pycromanager starts one core in a process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import mm_test_adapters
import msgspec
import pytest

from stentor.scope.rig import Rig, open_rig
from stentor.scope.settings import RigSettings
from stentor.scope.simulated.settings import SimulatedSettings

SEQUENCE_TESTER = """
Device,THub,SequenceTester,THub
Device,TCamera,SequenceTester,TCamera-0
Device,TZ,SequenceTester,TZStage-0
Device,TXY,SequenceTester,TXYStage-0
Device,TSwitch,SequenceTester,TSwitcher-0
Property,TCamera,ImageMode,MachineReadable
Property,TCamera,ImageWidth,128
Property,TCamera,ImageHeight,128
Parent,TCamera,THub
Parent,TZ,THub
Parent,TXY,THub
Parent,TSwitch,THub
"""

QUICK = SimulatedSettings(
    stage_speed_um_per_s=1e6,
    focus_speed_um_per_s=1e6,
    stage_backlash_um=0,
    focus_backlash_um=0,
    settle_ms=0,
    filter_ms=0,
)
"""Drives that are at once where they should be: these tests are about engines."""


@pytest.fixture(scope="session")
def adapters() -> Path:
    """The folder of Micro-Manager's own test adapters."""
    return Path(mm_test_adapters.device_adapter_path())


@pytest.fixture(scope="session")
def config_file(adapters: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo configuration with a SequenceTester beside its DemoCamera."""
    path = tmp_path_factory.mktemp("configuration") / "demo-and-tester.cfg"
    demo = (adapters / "MMConfig_demo.cfg").read_text()
    # Its devices must come before the line that initialises them all.
    head, mark, tail = demo.partition("Property,Core,Initialize,1")
    presets = "ConfigGroup,Gate,A,TSwitch,State,0\nConfigGroup,Gate,B,TSwitch,State,1\n"
    path.write_text(head + SEQUENCE_TESTER + mark + tail + "\n" + presets)
    return path


@pytest.fixture(scope="session")
def open_backend(config_file: Path, adapters: Path) -> Iterator[Callable[[str], Rig]]:
    """Open a backend by name, the same one for the whole session."""
    real = RigSettings(kind="micro-manager", config_file=str(config_file), adapter_path=str(adapters), channel="DAPI")
    settings = {
        "pycromanager": real,
        "pymmcore-plus": msgspec.structs.replace(real, engine="pymmcore-plus"),
        "simulated": RigSettings(simulated=QUICK),
    }
    rigs: dict[str, Rig] = {}

    def open_once(name: str) -> Rig:
        if name not in rigs:
            rigs[name] = open_rig(settings[name])
        return rigs[name]

    yield open_once
    for rig in rigs.values():
        rig.close()


@pytest.fixture(params=["pycromanager", "pymmcore-plus", "simulated"])
def rig(request: pytest.FixtureRequest, open_backend: Callable[[str], Rig]) -> Rig:
    """Every backend in turn."""
    return open_backend(request.param)


@pytest.fixture(params=["pycromanager", "pymmcore-plus"])
def real_rig(request: pytest.FixtureRequest, open_backend: Callable[[str], Rig]) -> Rig:
    """The backends on Micro-Manager's own core in turn."""
    return open_backend(request.param)
