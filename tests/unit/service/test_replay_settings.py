"""Settings of a replay: from a file, from the command line, and both."""

from pathlib import Path
from typing import Any

import pytest

from stentor.core.errors import ConfigError
from stentor.scope.replay.settings import ReplaySettings
from stentor.service.configuration import load_settings
from stentor.service.replay import with_replay

FILE = """
name = "bench"
[acquisition]
mode = "sequence"
sequence_file = "a.yaml"
frames = 7
[rig]
kind = "micro-manager"
[rig.replay]
path = "recordings/run_1"
pace = 4
axis = "time"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scope1.toml"
    path.write_text(FILE)
    return path


def given(**more: Any) -> dict[str, object]:
    names = ("path", "pace", "rate_hz", "lossless", "follow", "glob")
    return {**dict.fromkeys(names), "path": "/data/a.tif", **more}


def test_a_path_in_a_file_is_beside_the_file(file: Path, tmp_path: Path) -> None:
    replay = load_settings(file).rig.replay

    assert replay == ReplaySettings(path=str(tmp_path / "recordings" / "run_1"), pace=4.0, axis="time")


def test_the_command_line_wins_over_the_file_which_wins_over_the_defaults(file: Path) -> None:
    settings = with_replay(file, given(pace="recorded", lossless=True), frames=3, name="mine")

    assert settings.rig.kind == "replay" and settings.acquisition.mode == "live"
    assert settings.rig.replay == ReplaySettings(path="/data/a.tif", pace="recorded", lossless=True, axis="time")
    assert (settings.name, settings.acquisition.frames) == ("mine", 3)
    kept = with_replay(file, given(), frames=None, name=None)
    assert (kept.name, kept.acquisition.frames, kept.rig.replay.pace) == ("bench", 7, 4.0)


def test_without_a_file_a_recording_replays_as_fast_as_accepted() -> None:
    settings = with_replay(None, given(), frames=None, name=None)

    assert settings.rig.replay == ReplaySettings(path="/data/a.tif") and settings.rig.replay.is_lossless


def test_a_factor_is_a_number_on_the_command_line() -> None:
    assert with_replay(None, given(pace="2.5"), frames=None, name=None).rig.replay.pace == 2.5


@pytest.mark.parametrize("wrong", [{"pace": "quickly"}, {"pace": "-1"}, {"pace": "0"}, {"glob": ""}, {"axis": "w"}])
def test_a_wrong_word_on_the_command_line_is_refused_with_the_remedy(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"the command line: .*stentor replay --help"):
        with_replay(None, given(**wrong), frames=None, name=None)
