"""Aliases: what a core of C would take for a property is that property to the guard, too, or nothing at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mm_test_adapters
import pytest

from stentor.control.device_call import Standing
from stentor.core.action import SetProperty
from stentor.core.errors import ConfigError
from stentor.scope.hands.errands import calls_of
from stentor.scope.opening import open_plus_core, release
from stentor.scope.settings import RigSettings


@pytest.fixture(scope="module")
def demo() -> Iterator[Any]:
    folder = Path(mm_test_adapters.device_adapter_path())
    settings = RigSettings(
        kind="micro-manager", config_file=str(folder / "MMConfig_demo.cfg"), adapter_path=str(folder), buffer_mb=8
    )
    core = open_plus_core(settings)
    yield core
    release(core)


@pytest.mark.parametrize("alias", ["Gain\0", "Gain\0and more", "gain", " Gain", "Gain ", "Camera.Gain", ""])
def test_a_property_by_another_spelling_goes_around_no_limit(demo: Any, alias: str) -> None:
    with pytest.raises(ConfigError, match="no property"):
        calls_of(SetProperty(device="Camera", property=alias, value=8.0), demo, Standing())


def test_a_drive_is_moved_by_moves_only(demo: Any) -> None:
    with pytest.raises(ConfigError, match="ask for a move"):
        calls_of(SetProperty(device="Z", property="Position", value=1e6), demo, Standing())
