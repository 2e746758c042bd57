"""Decisions: every request to the microscope with its cause, its verdict and its times, in one SQLite file."""

import contextlib
import json
import logging
import math
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from stentor.core.action import Action, Cause, Receipt, Request, Verdict
from stentor.core.clock import Clock
from stentor.core.errors import RecordError
from stentor.core.frame import FrameId
from stentor.record import payloads
from stentor.record.losses import Losses
from stentor.record.payloads import in_json

logger = logging.getLogger(__name__)

LOCKED_S: Final = 0.1
"""How long a decision may wait for somebody else's lock on the file: the hardware waits with it."""

_COLUMNS: Final = (
    "wall_ns", "id", "controller", "rule", "reason", "stream", "run", "sequence", "model", "model_hash", "action",
    "verdict", "guard_rule", "text", "read_back", "seen_ns", "issued_ns", "received_ns", "started_ns", "done_ns",
    "clock_id", "asker_clock_id", "payloads", "left_out",
)  # fmt: skip
_SCHEMA: Final = f"CREATE TABLE IF NOT EXISTS decisions ({', '.join(_COLUMNS)})"
_LATER_COLUMNS: Final = ("payloads", "left_out")
"""That files of earlier versions lack."""

_CUT_OFF: Final = "CREATE TABLE IF NOT EXISTS cut_off (wall_ns INTEGER NOT NULL)"
"""One row: since when the log is full, and nothing is kept any more."""

_INSERT: Final = f"INSERT INTO decisions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log; the stamps are on the scope's clock, `seen_ns` and `issued_ns` on the asker's.

    Attributes
    ----------
    wall_ns
        When it was answered, since 1970-01-01 UTC.
    verdict, guard_rule, text
        As in the receipt.
    reaction_ms
        From the end of the frame's exposure, or its reception where that is not known, to the device call; None when
        it rests on no frame, never reached a device, or the clocks cannot be compared.
    left_out
        So many like it (asker, rule of the guard, kind of action) were refused since the last that is kept.
    """

    wall_ns: int
    id: str
    cause: Cause
    action: Action
    verdict: Verdict
    guard_rule: str
    text: str
    read_back: dict[str, int | float | str]
    issued_ns: int
    received_ns: int
    started_ns: int | None
    done_ns: int | None
    left_out: int = 0

    @property
    def reaction_ms(self) -> float | None:
        if self.started_ns is None or self.cause.seen_ns is None:
            return None
        return (self.started_ns - self.cause.seen_ns) / 1e6


class DecisionLog:
    """Written from any thread, row by row, safe against kill -9. What cannot be kept is counted, and said every minute.

    Large parts of actions are kept once (`payloads`). A file that has reached its size is marked, and stays as it is,
    also after a restart.

    Parameters
    ----------
    most_mb
        What the file may take.

    Raises
    ------
    RecordError
        If the file cannot be made.
    """

    def __init__(self, path: Path, clock: Clock, *, most_mb: float = math.inf) -> None:
        self._path = path
        self._most_mb = most_mb
        self._is_full = False
        self._clock = clock
        self._lock = threading.Lock()
        self._odd, self._refused = Losses(clock), Losses(clock)
        self.unwritten = 0
        try:
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCKED_S)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(_SCHEMA)
            for column in _LATER_COLUMNS:
                if column not in _columns(self._file):
                    self._file.execute(f"ALTER TABLE decisions ADD COLUMN {column}")
            payloads.prepare(self._file)
            if _cut_off_ns(self._file) is not None:
                self._stop()
        except sqlite3.Error as err:
            raise RecordError(f"{path}: the decision log cannot be written: {err}; make room there") from err

    def write(self, request: Request, receipt: Receipt, left_out: int | None = None) -> None:
        """Keep a request and its answer; `left_out` as in `Decision`."""
        action, large = payloads.set_aside(request.action)
        with self._lock:
            if self._is_full:
                self.unwritten += 1
                return
            try:
                hashes = payloads.keep(self._file, large)
                self._file.execute(_INSERT, (*self._row(request, receipt, action), hashes, left_out))
            except (OverflowError, UnicodeEncodeError, sqlite3.DataError) as err:
                self.unwritten += 1
                if lost := self._odd.note():
                    logger.error("%s: a decision cannot be kept as it is: %s; lost: %d", self._path, err, lost)
            except sqlite3.Error as err:
                self.unwritten += 1
                if lost := self._refused.note():
                    remedy = "make room there, or end what locks it"
                    logger.error("%s: decisions cannot be written: %s; %s; lost: %d", self._path, err, remedy, lost)
            else:
                if lost := self._refused.end():
                    logger.warning("%s: decisions are written again; %d are missing", self._path, lost)
                self._look_at_size()

    def _row(self, request: Request, receipt: Receipt, action: str) -> tuple[object, ...]:
        cause = request.cause
        frame = cause.frame_id
        return (
            self._clock.wall_ns(), request.id, cause.controller, cause.rule, cause.reason,
            None if frame is None else frame.stream, None if frame is None else frame.run,
            None if frame is None else frame.sequence, cause.model, cause.model_hash,
            action, receipt.verdict, receipt.rule, receipt.text,
            in_json(receipt.read_back), cause.seen_ns, request.issued_ns, receipt.received_ns,
            receipt.started_ns, receipt.done_ns, receipt.clock_id, request.clock_id,
        )  # fmt: skip

    def _look_at_size(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # the next decision comes to the same end
            pages, page_bytes = (self._file.execute(f"PRAGMA page_{what}").fetchone()[0] for what in ("count", "size"))
            if pages * page_bytes >= self._most_mb * 1e6:
                self._file.execute(_CUT_OFF)
                self._file.execute("INSERT INTO cut_off VALUES (?)", (self._clock.wall_ns(),))
                self._stop()

    def _stop(self) -> None:
        self._is_full = True
        logger.error(
            "%s: record.decisions_mb is used up: decisions are answered and done, and not kept any more; raise it for "
            "the next start, or ask for less",
            self._path,
        )

    def close(self) -> None:
        """Let go; may be called twice."""
        with self._lock:
            self._file.close()


def read_decisions(path: Path) -> Iterator[Decision]:
    """Yield the decisions of a session in the order they were answered; nothing if there is no file.

    Raises
    ------
    RecordError
        If the file cannot be read.
    """
    with _reading(path) as file:
        there = () if file is None else _columns(file)
        if file is not None and there:  # else its writer has just begun
            columns = [column for column in _COLUMNS if column in there or column not in _LATER_COLUMNS]
            for row in file.execute(f"SELECT {', '.join(columns)} FROM decisions ORDER BY rowid"):
                yield _decision(file, dict(zip(columns, row, strict=True)))


def cut_off_ns(path: Path) -> int | None:
    """Return since when a session's decisions are not kept any more, as wall time; None: they all are."""
    with _reading(path) as file:
        return None if file is None else _cut_off_ns(file)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    if not path.exists():
        yield None
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            yield file
    except (sqlite3.Error, zlib.error, msgspec.ValidationError, ValueError) as err:
        raise RecordError(f"{path}: not a decision log that can be read: {err}") from err


def _columns(file: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(name for _, name, *_ in file.execute("PRAGMA table_info(decisions)"))


def _cut_off_ns(file: sqlite3.Connection) -> int | None:
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'cut_off'").fetchone():
        return None
    marked = file.execute("SELECT wall_ns FROM cut_off").fetchone()
    return None if marked is None else int(marked[0])


def _decision(file: sqlite3.Connection, row: dict[str, Any]) -> Decision:
    is_comparable = row["clock_id"] == row["asker_clock_id"]
    return Decision(
        wall_ns=row["wall_ns"],
        id=row["id"],
        cause=Cause(
            controller=row["controller"],
            rule=row["rule"],
            reason=row["reason"],
            frame_id=None if row["stream"] is None else FrameId(row["stream"], row["run"], row["sequence"]),
            seen_ns=row["seen_ns"] if is_comparable else None,
            model=row["model"],
            model_hash=row["model_hash"],
        ),
        action=payloads.whole(file, row["action"], row.get("payloads")),
        verdict=row["verdict"],
        guard_rule=row["guard_rule"],
        text=row["text"],
        read_back=json.loads(row["read_back"]),
        issued_ns=row["issued_ns"],
        received_ns=row["received_ns"],
        started_ns=row["started_ns"],
        done_ns=row["done_ns"],
        left_out=row.get("left_out") or 0,
    )
