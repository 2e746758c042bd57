"""Asking: what the verbs say when there is nobody to ask."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from stentor.cli import app
from stentor.core.action import Cause, MoveXY, Receipt, Request
from stentor.core.clock import FakeClock
from stentor.record.decisions import DecisionLog
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


def test_decisions_of_a_log_that_is_full_end_with_that(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    log = DecisionLog(tmp_path / "decisions.sqlite", FakeClock(), most_mb=1e-6)
    move = MoveXY(x_um=1.0, y_um=2.0)
    for id in ("kept", "lost"):
        request = Request(id=id, action=move, cause=Cause(controller="follow"), issued_ns=0, clock_id="fake")
        log.write(request, Receipt(id=id, verdict="done", received_ns=0, clock_id="fake"))
    log.close()

    done = CliRunner().invoke(app, ["ledger", str(tmp_path), "--decisions"])

    asked, counts, full = done.stdout.splitlines()
    assert "follow move-xy x_um=1 y_um=2 done" in asked
    assert counts == "1 done"
    assert full.startswith("record.decisions_mb was used up at ")
