"""Session: a path means the run that a person has in mind."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stentor.cli import app
from stentor.core.errors import RecordError
from stentor.service.session import find_session


def session(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "ledger.sqlite").touch()
    return folder


def test_a_ledger_and_its_folder_mean_their_session(tmp_path: Path) -> None:
    folder = session(tmp_path / "one")

    assert find_session(folder).folder == find_session(folder / "ledger.sqlite").folder == folder


def test_an_experiment_and_a_folder_of_sessions_mean_the_newest(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text('[record]\nfolder = "runs"\n')
    session(tmp_path / "runs" / "2026-11-24T100000")
    newest = session(tmp_path / "runs" / "2026-11-24T110000")
    (tmp_path / "runs" / "light.sqlite").touch()
    os.utime(newest, (0, 0))  # the name counts, not the time of a copy

    assert find_session(tmp_path).folder == find_session(tmp_path / "runs").folder == newest


def test_the_file_of_an_experiment_means_what_its_folder_does(tmp_path: Path) -> None:
    # Any file was taken for a ledger, so that its folder was the session: "no decisions", though there were some.
    (tmp_path / "experiment.toml").write_text('[record]\nfolder = "runs"\n')
    newest = session(tmp_path / "runs" / "2026-11-24T110000")

    assert find_session(tmp_path / "experiment.toml").folder == newest


def test_another_file_is_no_empty_log(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Rules")

    done = CliRunner().invoke(app, ["ledger", str(tmp_path / "README.md"), "--decisions"])

    assert done.exit_code == 7
    assert "neither a ledger (.sqlite) nor an experiment (.toml)" in done.output


def test_a_wrong_path_is_no_empty_log(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such ledger"):
        find_session(tmp_path / "typo")

    done = CliRunner().invoke(app, ["ledger", str(tmp_path / "typo"), "--decisions"])

    assert done.exit_code == 7
    assert "no such ledger" in done.output
