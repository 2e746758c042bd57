"""Decisions: what was asked, nonsense as well, can be read again; a full disk costs the log and nothing else."""

import contextlib
import math
import sqlite3
from pathlib import Path

import pytest

from stentor.core.action import Action, Cause, MoveXY, Receipt, Request, SetProperty
from stentor.core.clock import FakeClock
from stentor.core.errors import RecordError
from stentor.core.frame import FrameId
from stentor.record.decisions import DecisionLog, read_decisions

SEEN = FrameId("camera", "run", 7)


def asked(action: Action, id: str = "one") -> tuple[Request, Receipt]:
    cause = Cause(
        controller="follow", rule="which", reason="in words", frame_id=SEEN, seen_ns=1_000_000, model="nuclei"
    )
    request = Request(id=id, action=action, cause=cause, issued_ns=2_000_000, clock_id="clock")
    return request, Receipt(
        id=id, verdict="done", read_back={"x_um": 1.5, "channel": "DAPI"},
        received_ns=3_000_000, started_ns=4_000_000, done_ns=5_000_000, clock_id="clock",
    )  # fmt: skip


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    request, receipt = asked(SetProperty(device="Lamp", property="Intensity", value="bright"))
    log.write(request, receipt)
    log.close()

    (read,) = read_decisions(tmp_path / "log")

    assert (read.action, read.cause) == (request.action, request.cause)
    assert (read.verdict, read.read_back) == ("done", receipt.read_back)
    assert read.reaction_ms == 3.0


def test_what_is_no_number_is_kept_too(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    log.write(*asked(MoveXY(x_um=math.nan, y_um=math.inf)))
    log.write(*asked(MoveXY(x_um=1.0, y_um=2.0), id="two"))
    log.close()

    nonsense, move = read_decisions(tmp_path / "log")

    assert isinstance(nonsense.action, MoveXY)
    assert math.isnan(nonsense.action.x_um) and nonsense.action.y_um == math.inf
    assert move.action == MoveXY(x_um=1.0, y_um=2.0)


def test_a_log_that_was_begun_this_moment_has_no_decisions_yet(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "log")) as file:
        file.execute("PRAGMA journal_mode = WAL")  # what a writer does first

        assert list(read_decisions(tmp_path / "log")) == []


def test_no_file_is_no_decisions_and_garbage_is_named(tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"not a data base, and long enough to be looked at" * 100)

    assert list(read_decisions(tmp_path / "none")) == []
    with pytest.raises(RecordError, match="garbage: not a decision log"):
        list(read_decisions(tmp_path / "garbage"))


def test_what_cannot_be_written_is_counted(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    log._file.execute("DROP TABLE decisions")

    log.write(*asked(MoveXY(x_um=1.0, y_um=2.0)))

    assert log.unwritten == 1
