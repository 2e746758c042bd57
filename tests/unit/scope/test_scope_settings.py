"""Settings of the rig."""

import subprocess
import sys

import msgspec
import pytest

from stentor.scope.settings import RigSettings

HEAVY = ("numpy", "cv2", "pymmcore", "pymmcore_plus", "pycromanager", "useq", "scipy")


def test_settings_are_light_to_import() -> None:
    code = f"import stentor.scope.settings, sys; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("table", "engine"),
    [
        ({}, "pymmcore-plus"),
        ({"kind": "micro-manager"}, "pycromanager"),
        ({"kind": "micro-manager", "engine": "pymmcore-plus"}, "pymmcore-plus"),
    ],
)
def test_the_engine_follows_the_kind_unless_it_is_named(table: dict[str, str], engine: str) -> None:
    assert msgspec.convert(table, RigSettings).engine_name == engine


@pytest.mark.parametrize("table", [{"exposur_ms": 3}, {"exposure_ms": 0}, {"kind": "java"}, {"buffer_mb": 1}])
def test_wrong_settings_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, RigSettings)
