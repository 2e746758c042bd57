"""Experiment: `stentor new` writes a folder that is right as it is, and overwrites nothing."""

import ast
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stentor.cli import app
from stentor.core.errors import ConfigError, RecordError
from stentor.service.configuration import load_settings
from stentor.service.controllers import check_controllers
from stentor.service.experiment import PLACEHOLDER, list_templates, write_experiment

NAMES = [template.name for template in list_templates()]


def test_templates_are_listed_with_a_line_each() -> None:
    listed = CliRunner().invoke(app, ["new"])

    assert listed.exit_code == 0
    assert set(NAMES) >= {"rule", "event-rate", "follow", "hunt", "autofocus", "stop-when", "script"}
    assert [line.split()[0] for line in listed.stdout.splitlines()] == NAMES
    assert all(len(line.split()) > 4 for line in listed.stdout.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_an_experiment_that_starts_disarmed(name: str, tmp_path: Path) -> None:
    folder = tmp_path / 'my "first" cells'

    written = write_experiment(folder, name)

    settings = load_settings(folder)
    check_controllers(settings.controller)
    assert (settings.rig.kind, settings.acquisition.mode, settings.guard.armed) == ("simulated", "adaptive", False)
    assert settings.guard.dose.specimen == "my first cells"
    assert settings.record.folder == str(folder / "runs")
    assert {path.name for path in written} >= {"experiment.toml", "README.md"}
    assert all(PLACEHOLDER not in path.read_text() for path in written)
    for script in folder.glob("*.py"):
        ast.parse(script.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_template_has_a_comment(name: str, tmp_path: Path) -> None:
    write_experiment(tmp_path / "mine", name)

    lines = (tmp_path / "mine" / "experiment.toml").read_text().splitlines()

    # What explains itself beside a commented neighbour, and a value whose last line has the comment.
    plain = ("stage = ", "kind = ", "name = ", "y_um = ", "then = ", "otherwise = ", "group = ", "exposure_ms = ")
    bare = [
        line for line in lines if " = " in line and "#" not in line and not line.startswith(plain) and line[-1] != "\\"
    ]
    assert bare == []


def test_the_commands_name_the_folder_as_it_was_typed(tmp_path: Path) -> None:
    folder = tmp_path / "two words"
    write_experiment(folder, "follow")

    (line,) = [text for text in (folder / "README.md").read_text().splitlines() if "stentor run" in text]

    assert shlex.split(line) == ["stentor", "run", str(folder)]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ConfigError, match="there is something already"):
        write_experiment(tmp_path, "follow")
    with pytest.raises(ConfigError, match="there is something already"):
        write_experiment(tmp_path / "notes.txt", "follow")

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert write_experiment(tmp_path, "script")[-1].parent == tmp_path


@pytest.mark.parametrize(
    ("name", "hint"), [("event_rate", "did you mean 'event-rate'"), ("zzz", "there are autofocus, event-rate")]
)
def test_an_unknown_template_is_refused_with_the_nearest(name: str, hint: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "mine"), "--template", name])

    assert done.exit_code == 3
    assert hint in done.output
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(RecordError, match="name a folder that you may write to"):
        write_experiment(tmp_path / "file" / "mine", "rule")


def test_without_a_template_they_are_listed_and_nothing_is_made(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "mine")])

    assert done.exit_code == 2
    assert "event-rate" in done.output and "--template NAME" in done.output
    assert not (tmp_path / "mine").exists()


def test_the_command_says_what_it_wrote_and_where_to_begin(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "mine"), "--template", "script"])

    assert done.exit_code == 0
    assert [Path(line).name for line in done.stdout.splitlines()[:3]] == [
        "README.md",
        "experiment.py",
        "experiment.toml",
    ]
    assert done.stdout.splitlines()[-1].endswith("README.md")
