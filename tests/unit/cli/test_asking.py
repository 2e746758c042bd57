"""Asking: what the verbs say when there is nobody to ask."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from stentor.cli import app
from stentor.wire import platforms


@pytest.fixture(autouse=True)
def nobody_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(tmp_path))


def test_a_listener_says_once_for_which_rig_it_waits_and_goes_on_waiting() -> None:
    done = CliRunner().invoke(app, ["listen", "--name", "scope1", "--timeout-s", "1.2"])

    assert done.stderr.count("waiting for rig 'scope1'") == 1
    assert "stentor run" in done.stderr
    assert done.stdout == ""
    assert done.exit_code == 6


def test_arming_a_rig_that_is_not_there_names_it() -> None:
    done = CliRunner().invoke(app, ["arm", "--name", "scope1"])

    assert done.exit_code == 6
    assert "'scope1'" in done.stderr
