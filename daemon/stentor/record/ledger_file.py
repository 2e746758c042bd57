"""Ledger file: the ledger's rows in one SQLite database, safe against kill -9 up to the last commit.

SQLite and not a hand-made log: a half-written tail repairs itself, every language reads it, and a frame costs 5 µs of
CPU (docs/decisions/0004).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from stentor.core.doors import DOORS, DoorTimes
from stentor.core.errors import RecordError
from stentor.core.ledger import RunInfo

SCHEMA_VERSION: Final = 1
_LATER_DOORS: Final = DOORS[1:]
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, stream TEXT NOT NULL, started_wall_ns INTEGER NOT NULL,
    clock_id TEXT NOT NULL, expected INTEGER, ended TEXT);
CREATE TABLE IF NOT EXISTS frames (
    run_id INTEGER NOT NULL, sequence INTEGER NOT NULL, outcome TEXT, detail TEXT, received_ns INTEGER,
    {", ".join(f"{door}_us INTEGER" for door in _LATER_DOORS)},
    PRIMARY KEY (run_id, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ranges (
    run_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, outcome TEXT NOT NULL, detail TEXT);
CREATE TABLE IF NOT EXISTS camera_gaps (run_id INTEGER NOT NULL, before_sequence INTEGER NOT NULL, missing INTEGER);
CREATE TABLE IF NOT EXISTS events (wall_ns INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
"""


class FrameRow(msgspec.Struct, frozen=True):
    """One frame's line; `outcome` None: it was seen and is under way."""

    run: str
    sequence: int
    outcome: str | None = None
    detail: str | None = None
    times: DoorTimes = DoorTimes()


class RangeRow(msgspec.Struct, frozen=True):
    """The same outcome for all frames from `first` to `last` inclusive."""

    run: str
    first: int
    last: int
    outcome: str
    detail: str


class GapRow(msgspec.Struct, frozen=True):
    """`missing` frames that the camera numbered and nobody received, before frame `before_sequence`."""

    run: str
    before_sequence: int
    missing: int


class EventRow(msgspec.Struct, frozen=True):
    """Something that happened, in words."""

    wall_ns: int
    kind: str
    text: str


class EndRow(msgspec.Struct, frozen=True):
    """A run is over."""

    run: str
    ended: str


Row = RunInfo | FrameRow | RangeRow | GapRow | EventRow | EndRow


class LedgerFile:
    """Opened for writing by one daemon at a time, used by one thread; read with `LedgerReader`.

    Raises
    ------
    RecordError
        If the file cannot be opened, is no ledger, or (from `write`) the disk is full; the rows of a failed `write`
        are rolled back and may be written again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=5, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
            self._database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except (sqlite3.Error, OSError) as err:
            raise RecordError(
                f"{path}: the ledger cannot be opened: {err}; choose another `record.folder` or free the disk"
            ) from err

    def write(self, rows: Sequence[Row]) -> None:
        """Write all rows or none, in one commit."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for row in rows:
                self._write_one(row)
            self._database.execute("COMMIT")
        except sqlite3.Error as err:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise RecordError(
                f"{self.path}: {len(rows)} ledger rows could not be written: {err}; free the disk, "
                "they are kept in memory and tried again"
            ) from err

    def close(self) -> None:
        """Fold the write-ahead log into the file; may be called twice."""
        self._database.close()

    def _write_one(self, row: Row) -> None:
        execute = self._database.execute
        match row:
            case RunInfo():
                execute(
                    "INSERT OR IGNORE INTO runs (run, stream, started_wall_ns, clock_id, expected) VALUES (?,?,?,?,?)",
                    (row.run, row.stream, row.started_wall_ns, row.clock_id, row.expected),
                )
            case FrameRow():
                marks = ",".join("?" * (5 + len(_LATER_DOORS)))
                execute(
                    f"INSERT OR REPLACE INTO frames VALUES ({marks})",
                    (
                        self._id(row.run),
                        row.sequence,
                        row.outcome,
                        row.detail,
                        row.times.received,
                        *_offsets(row.times),
                    ),
                )
            case RangeRow():
                # Rows that were written as seen, and then folded into a range while the disk refused, count once.
                execute(
                    "DELETE FROM frames WHERE run_id=? AND sequence BETWEEN ? AND ?",
                    (self._id(row.run), row.first, row.last),
                )
                execute(
                    "INSERT INTO ranges VALUES (?,?,?,?,?)",
                    (self._id(row.run), row.first, row.last, row.outcome, row.detail),
                )
            case GapRow():
                execute("INSERT INTO camera_gaps VALUES (?,?,?)", (self._id(row.run), row.before_sequence, row.missing))
            case EventRow():
                execute("INSERT INTO events VALUES (?,?,?)", (row.wall_ns, row.kind, row.text))
            case EndRow():
                execute("UPDATE runs SET ended=? WHERE run=?", (row.ended, row.run))

    def _id(self, run: str) -> int:
        found = self._database.execute("SELECT id FROM runs WHERE run=?", (run,)).fetchone()
        if found is None:
            raise sqlite3.IntegrityError(f"run {run} was never begun")
        return int(found[0])


def _offsets(times: DoorTimes) -> Iterable[int | None]:
    for door in _LATER_DOORS:
        stamp: Any = getattr(times, door)
        yield None if stamp is None or times.received is None else (stamp - times.received) // 1000
