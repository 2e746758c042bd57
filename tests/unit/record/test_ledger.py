"""Ledger: every frame has one outcome, on disk and in memory, whatever happens to the process or the disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.core.clock import FakeClock
from stentor.core.doors import DoorTimes
from stentor.core.errors import RecordError
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.ledger import RunInfo
from stentor.core.outcome import Dropped, DropReason, Failed, OutcomeCounts, Result
from stentor.record import ledger as ledger_module
from stentor.record.ledger import Ledger
from stentor.record.ledger_file import LedgerFile
from stentor.record.ledger_reader import LedgerReader

RUN = RunInfo(stream="camera", run="run-1", started_wall_ns=5, clock_id="fake")
NO_DAEMON = Dropped(DropReason.NO_DAEMON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    made = Ledger(path, FakeClock())
    made.begin_run(RUN)
    yield made
    made.stop()


def header(sequence: int) -> FrameHeader:
    return FrameHeader(
        frame_id=FrameId("camera", "run-1", sequence), shape_yx=(2, 2), dtype="uint8", received_ns=1000, clock_id="fake"
    )


def test_a_frame_is_entered_once(ledger: Ledger) -> None:
    assert ledger.enter(header(0))
    assert not ledger.enter(header(0))
    assert ledger.counts() == OutcomeCounts(seen=1)


def test_the_first_outcome_stands(ledger: Ledger) -> None:
    ledger.enter(header(0))

    assert ledger.close(header(0).frame_id, Failed("segment", "hung")) == Failed("segment", "hung")
    assert ledger.close(header(0).frame_id, Result()) is None
    assert ledger.counts() == OutcomeCounts(seen=1, failed=1)


def test_ranges_do_not_touch_frames_that_have_an_entry(ledger: Ledger) -> None:
    ledger.enter(header(3))
    ledger.close(header(3).frame_id, Result())

    ledger.close_ranges("run-1", [(0, 5)], NO_DAEMON)
    ledger.close_ranges("run-1", [(4, 6)], NO_DAEMON)

    assert ledger.counts() == OutcomeCounts(seen=7, result=1, dropped=6)


def test_the_file_says_what_memory_says(ledger: Ledger, path: Path) -> None:
    for sequence in range(4):
        ledger.enter(header(sequence))
    ledger.close(header(0).frame_id, Result(), DoorTimes(received=1000, tapped=2_001_000, published=5_001_000))
    ledger.close(header(1).frame_id, Dropped(DropReason.SUPERSEDED))
    ledger.close_ranges("run-1", [(10, 19)], NO_DAEMON)
    ledger.note_camera_gap(header(3).frame_id, 2)
    ledger.end_run("run-1", "completed")

    assert ledger.flush()

    reader = LedgerReader(path)
    assert reader.counts() == ledger.counts() == OutcomeCounts(seen=14, result=1, dropped=11)
    assert reader.latency_ms()["published"].p50 == 5.0
    assert reader.reasons() == {"dropped(no-daemon)": 10, "dropped(superseded)": 1}
    (run,) = reader.runs()
    assert (run.ended, run.missing_camera_frames, run.counts.open) == ("completed", 2, 2)
    reader.close()


def test_a_daemon_that_takes_over_closes_what_the_killed_one_left_open(path: Path) -> None:
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2])\n"
        "from test_ledger import *\n"
        "made = Ledger(pathlib.Path(sys.argv[1]), FakeClock()); made.begin_run(RUN)\n"
        "[made.enter(header(n)) for n in range(5)]; made.close(header(0).frame_id, Result()); made.flush()\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, path, Path(__file__).parent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=10)

    heir = Ledger(path, FakeClock())

    assert heir.counts() == OutcomeCounts(seen=5, result=1, failed=4)
    assert not heir.enter(header(2))
    heir.stop()
    reader = LedgerReader(path)
    assert reader.reasons() == {"failed(daemon: daemon-lost)": 4}
    assert reader.counts() == OutcomeCounts(seen=5, result=1, failed=4)
    reader.close()


def test_a_full_disk_costs_no_entry(ledger: Ledger, path: Path) -> None:
    ledger.flush()
    database = ledger._file._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count={pages}")  # SQLite then answers SQLITE_FULL, as on a full disk
    for sequence in range(5000):
        ledger.enter(header(sequence))
        ledger.close(header(sequence).frame_id, Result())

    assert not ledger.flush()
    assert ledger.fault is not None and "free the disk" in ledger.fault

    database.execute("PRAGMA max_page_count=1000000")
    assert ledger.flush()
    assert ledger.fault is None
    reader = LedgerReader(path)
    assert reader.counts() == OutcomeCounts(seen=5000, result=5000)
    reader.close()


def test_a_disk_that_stays_full_costs_times_but_no_outcome(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "MAX_PENDING_FRAMES", 100)
    ledger.enter(header(0))
    ledger.flush()
    refusing = ledger._file
    monkeypatch.setattr(LedgerFile, "write", _refuse)
    for sequence in range(300):
        ledger.enter(header(sequence))
        ledger.close(header(sequence).frame_id, Result())
    assert not ledger.flush()
    assert len(ledger._frames) == 0

    monkeypatch.undo()
    assert ledger._file is refusing and ledger.flush()

    reader = LedgerReader(path)
    assert reader.counts() == OutcomeCounts(seen=300, result=300)
    reader.close()


def _refuse(self: LedgerFile, rows: object) -> None:
    raise RecordError("full")


def test_a_ledger_that_cannot_be_opened_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(RecordError, match=r"record\.folder"):
        LedgerFile(tmp_path / "file" / "ledger.sqlite")


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.sqlite").write_bytes(content)

    with pytest.raises(RecordError, match="not a Stentor ledger"):
        LedgerReader(tmp_path / "x.sqlite")
