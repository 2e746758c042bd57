"""Decisions: every request to the microscope with its cause, its verdict and its times, in one SQLite file."""

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from stentor.core.action import Action, Cause, Receipt, Request, Verdict
from stentor.core.clock import Clock
from stentor.core.errors import RecordError
from stentor.core.frame import FrameId
from stentor.record.losses import Losses

logger = logging.getLogger(__name__)

LOCKED_S: Final = 0.1
"""How long a decision may wait for somebody else's lock on the file: the hardware waits with it."""

_COLUMNS: Final = (
    "wall_ns", "id", "controller", "rule", "reason", "stream", "run", "sequence", "model", "model_hash", "action",
    "verdict", "guard_rule", "text", "read_back", "seen_ns", "issued_ns", "received_ns", "started_ns", "done_ns",
    "clock_id", "asker_clock_id",
)  # fmt: skip
_SCHEMA: Final = f"CREATE TABLE IF NOT EXISTS decisions ({', '.join(_COLUMNS)})"
_INSERT: Final = f"INSERT INTO decisions VALUES ({', '.join('?' * len(_COLUMNS))})"


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

    @property
    def reaction_ms(self) -> float | None:
        if self.started_ns is None or self.cause.seen_ns is None:
            return None
        return (self.started_ns - self.cause.seen_ns) / 1e6


class DecisionLog:
    """Written from any thread, row by row, safe against kill -9. What cannot be kept is counted, and said every minute.

    Raises
    ------
    RecordError
        If the file cannot be made.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._odd, self._refused = Losses(clock), Losses(clock)
        self.unwritten = 0
        try:
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCKED_S)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(_SCHEMA)
        except sqlite3.Error as err:
            raise RecordError(f"{path}: the decision log cannot be written: {err}; make room there") from err

    def write(self, request: Request, receipt: Receipt) -> None:
        """Keep a request and its answer."""
        cause = request.cause
        frame = cause.frame_id
        row = (
            self._clock.wall_ns(), request.id, cause.controller, cause.rule, cause.reason,
            None if frame is None else frame.stream, None if frame is None else frame.run,
            None if frame is None else frame.sequence, cause.model, cause.model_hash,
            in_json(request.action), receipt.verdict, receipt.rule, receipt.text,
            in_json(receipt.read_back), cause.seen_ns, request.issued_ns, receipt.received_ns,
            receipt.started_ns, receipt.done_ns, receipt.clock_id, request.clock_id,
        )  # fmt: skip
        with self._lock:
            try:
                self._file.execute(_INSERT, row)
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
    if not path.exists():
        return
    try:
        file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'decisions'").fetchone():
                return  # its writer has just begun
            for row in file.execute(f"SELECT {', '.join(_COLUMNS)} FROM decisions ORDER BY rowid"):
                yield _decision(dict(zip(_COLUMNS, row, strict=True)))
        finally:
            file.close()
    except (sqlite3.Error, msgspec.ValidationError, ValueError) as err:
        raise RecordError(f"{path}: not a decision log that can be read: {err}") from err


def in_json(what: object) -> str:
    """Return JSON as the log keeps it, with NaN and Infinity as words: what was asked is kept, nonsense as well."""
    return json.dumps(msgspec.to_builtins(what))


def _decision(row: dict[str, Any]) -> Decision:
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
        action=msgspec.convert(json.loads(row["action"]), Action),
        verdict=row["verdict"],
        guard_rule=row["guard_rule"],
        text=row["text"],
        read_back=json.loads(row["read_back"]),
        issued_ns=row["issued_ns"],
        received_ns=row["received_ns"],
        started_ns=row["started_ns"],
        done_ns=row["done_ns"],
    )
