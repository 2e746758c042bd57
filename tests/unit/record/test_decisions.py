"""Decisions: what was asked, nonsense as well, can be read again; a full disk costs the log and nothing else."""

import contextlib
import math
import sqlite3
from pathlib import Path

import pytest
from msgspec import structs

from stentor.core.action import Acquire, Action, Cause, MoveXY, ProjectMask, Receipt, Request, SetPositions, SetProperty
from stentor.core.clock import FakeClock
from stentor.core.errors import RecordError
from stentor.core.frame import FrameId
from stentor.record.decision_text import decision_lines
from stentor.record.decisions import DecisionLog, cut_off_ns, read_decisions

SEEN = FrameId("camera", "run", 7)
MOVE = MoveXY(x_um=1.0, y_um=2.0)


def asked(action: Action, id: str = "one") -> tuple[Request, Receipt]:
    cause = Cause(
        controller="follow", rule="which", reason="in words", frame_id=SEEN, seen_ns=1_000_000, model="nuclei"
    )
    request = Request(id=id, action=action, cause=cause, issued_ns=2_000_000, clock_id="clock")
    return request, Receipt(
        id=id, verdict="done", read_back={"x_um": 1.5, "channel": "DAPI"},
        received_ns=3_000_000, started_ns=4_000_000, done_ns=5_000_000, clock_id="clock",
    )  # fmt: skip


def pages_of(log: DecisionLog) -> int:
    return int(log._file.execute("PRAGMA page_count").fetchone()[0])


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
    log.write(*asked(MOVE, id="two"))
    log.close()

    nonsense, move = read_decisions(tmp_path / "log")

    assert isinstance(nonsense.action, MoveXY)
    assert math.isnan(nonsense.action.x_um) and nonsense.action.y_um == math.inf
    assert move.action == MOVE


def test_a_log_that_was_begun_this_moment_has_no_decisions_yet(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "log")) as file:
        file.execute("PRAGMA journal_mode = WAL")  # what a writer does first

        assert list(read_decisions(tmp_path / "log")) == []


def test_no_file_is_no_decisions_and_garbage_is_named(tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"not a data base, and long enough to be looked at" * 100)

    assert list(read_decisions(tmp_path / "none")) == []
    assert cut_off_ns(tmp_path / "none") is None
    with pytest.raises(RecordError, match="garbage: not a decision log"):
        list(read_decisions(tmp_path / "garbage"))


def test_refusals_that_are_only_counted_are_said_in_words_and_in_the_sum(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    request, receipt = asked(MOVE)
    refused = structs.replace(receipt, verdict="refused", rule="armed", text="the microscope is disarmed")
    log.write(request, refused)
    log.write(request, refused, 598)
    log.close()

    first, later, counts = decision_lines(read_decisions(tmp_path / "log"))

    assert first.endswith("refused after 3.0 ms: armed: the microscope is disarmed (in words)")
    assert later.endswith("armed: the microscope is disarmed, and 598 more before it (in words)")
    assert counts == "600 refused"


LARGE = (
    ProjectMask(mask=bytes(range(256)) * 40, shape_yx=(64, 64), at_um=(1.0, 2.0)),
    Acquire(events=tuple({"x_pos": float(number), "channel": {"config": "DAPI"}} for number in range(1000))),
    Acquire(sequence={"metadata": {"mask": "no reference", "note": "x" * 5000}}),
    SetPositions(positions_um=tuple((float(number), math.inf) for number in range(1000))),
)


@pytest.mark.parametrize("action", LARGE, ids=lambda action: type(action).__name__)
def test_what_is_large_is_kept_once_however_often_it_is_asked_for(tmp_path: Path, action: Action) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    log.write(*asked(action))
    once = pages_of(log)

    for number in range(200):
        log.write(*asked(action, id=str(number)))
    log.close()

    assert [decision.action for decision in read_decisions(tmp_path / "log")] == [action] * 201
    assert pages_of(DecisionLog(tmp_path / "log", FakeClock())) < once + 200 * 512 / 4096


def test_a_mask_is_kept_once_wherever_the_stage_stands(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    masks = [ProjectMask(mask=b"m" * 9000, shape_yx=(64, 64), at_um=(float(number), 0.0)) for number in range(5)]
    for number, mask in enumerate(masks):
        log.write(*asked(mask, id=str(number)))

    assert [decision.action for decision in read_decisions(tmp_path / "log")] == masks
    assert log._file.execute("SELECT COUNT(*) FROM payloads").fetchone() == (1,)
    log.close()


def test_a_file_of_an_earlier_version_is_read_and_written_on(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log", FakeClock())
    log._file.execute("DROP TABLE payloads")
    for column in ("payloads", "left_out"):
        log._file.execute(f"ALTER TABLE decisions DROP COLUMN {column}")
    row = log._row(*asked(MOVE), '{"kind": "move-xy", "x_um": 1.0, "y_um": 2.0}')
    log._file.execute(f"INSERT INTO decisions VALUES ({', '.join('?' * 22)})", row)
    log.close()

    (before,) = read_decisions(tmp_path / "log")
    again = DecisionLog(tmp_path / "log", FakeClock())
    again.write(*asked(LARGE[0], id="later"), 3)
    again.close()

    _, later = read_decisions(tmp_path / "log")
    assert (before.action, before.left_out) == (MOVE, 0)
    assert (later.action, later.left_out) == (LARGE[0], 3)


def test_a_full_log_is_said_once_marked_and_stays_as_it_is_after_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # An `event-rate` that was disarmed wrote 254 MB a day, and nothing ended it but the end of the disk.
    log = DecisionLog(tmp_path / "log", FakeClock(), most_mb=0.1)
    for number in range(1000):
        log.write(*asked(MOVE, id=str(number)))
    log.close()
    kept = [decision.id for decision in read_decisions(tmp_path / "log")]

    again = DecisionLog(tmp_path / "log", FakeClock(), most_mb=0.1)
    again.write(*asked(MOVE, id="later"))
    again.close()

    assert 100 < len(kept) < 1000 and kept == [str(number) for number in range(len(kept))]
    assert [decision.id for decision in read_decisions(tmp_path / "log")] == kept
    assert (tmp_path / "log").stat().st_size < 0.12e6
    assert cut_off_ns(tmp_path / "log") is not None
    assert log.unwritten == 1000 - len(kept)
    assert caplog.text.count("raise it for the next start") == 2  # once in each life


def test_what_cannot_be_written_is_counted_said_every_minute_and_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    log = DecisionLog(tmp_path / "log", clock)
    with contextlib.closing(sqlite3.connect(tmp_path / "log", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(3):
            log.write(*asked(MOVE))
        clock.advance(ms=60_001)
        log.write(*asked(MOVE))
        other.execute("ROLLBACK")

    log.write(*asked(MOVE))
    log.close()

    assert log.unwritten == 4
    assert [message.split(": ", 1)[1] for message in caplog.messages] == [
        "decisions cannot be written: database is locked; make room there, or end what locks it; lost: 1",
        "decisions cannot be written: database is locked; make room there, or end what locks it; lost: 3",
        "decisions are written again; 4 are missing",
    ]


def test_an_odd_decision_is_named_as_such_and_silences_no_later_loss(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # frame 2**63 was done and not logged; "make room there" was said of a disk with room, and then never again.
    log = DecisionLog(tmp_path / "log", FakeClock())
    request, receipt = asked(MOVE)
    odd = structs.replace(request, cause=structs.replace(request.cause, frame_id=FrameId("camera", "run", 2**63)))

    log.write(odd, receipt)
    log._file.execute("DROP TABLE decisions")
    log.write(request, receipt)

    what_is_odd, what_is_lost = caplog.messages
    assert "a decision cannot be kept as it is: Python int too large" in what_is_odd
    assert "decisions cannot be written: no such table" in what_is_lost
    assert log.unwritten == 2
