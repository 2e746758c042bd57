"""Ledger reader: counts, latencies and remarkable frames out of a ledger file, also while a daemon writes it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stentor.core.doors import DOORS
from stentor.core.errors import RecordError
from stentor.core.latency import Percentiles
from stentor.core.ledger import RunInfo
from stentor.core.outcome import OutcomeCounts
from stentor.core.ranges import SequenceRanges


class RunSummary(msgspec.Struct, frozen=True):
    """One run: what is known of it, its sums, how it ended (None: under way or cut off), and the camera's holes."""

    info: RunInfo
    counts: OutcomeCounts
    ended: str | None
    missing_camera_frames: int


class LedgerReader:
    """Opens a ledger read-only.

    Raises
    ------
    RecordError
        If the file is missing or is no ledger.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise RecordError(f"{path}: no such ledger; `stentor run` prints where it writes one")
        self._path = path
        self._database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            self._database.execute("SELECT COUNT(*) FROM runs").fetchone()
        except sqlite3.Error as err:
            raise RecordError(f"{path}: not a Stentor ledger ({err}); give the .sqlite file itself") from err

    def runs(self) -> list[RunSummary]:
        """Return all runs, oldest first."""
        rows = self._rows("SELECT id, run, stream, started_wall_ns, clock_id, expected, ended FROM runs ORDER BY id")
        return [
            RunSummary(
                RunInfo(run=run, stream=stream, started_wall_ns=started, clock_id=clock_id, expected=expected),
                self._counts("WHERE run_id=?", run_id),
                ended,
                self._one("SELECT COALESCE(SUM(missing),0) FROM camera_gaps WHERE run_id=?", run_id),
            )
            for run_id, run, stream, started, clock_id, expected, ended in rows
        ]

    def counts(self) -> OutcomeCounts:
        """Return the sums over all runs."""
        return self._counts("")

    def entered(self, run: str) -> tuple[SequenceRanges, list[int]]:
        """Return the sequences of a run that have an entry, and those of them without an outcome."""
        ranges = SequenceRanges()
        for (sequence,) in self._rows(f"SELECT sequence FROM frames WHERE {_OF_RUN} ORDER BY sequence", run):
            ranges.add(sequence)
        for first, last in self._rows(f"SELECT first, last FROM ranges WHERE {_OF_RUN}", run):
            ranges.add(first, last)
        open_rows = self._rows(f"SELECT sequence FROM frames WHERE {_OF_RUN} AND outcome IS NULL", run)
        return ranges, [sequence for (sequence,) in open_rows]

    def latency_ms(self) -> dict[str, Percentiles]:
        """Return percentiles of the time from `received` to each later door, over all results."""
        table = {}
        for door in DOORS[1:]:
            values = [us / 1000 for (us,) in self._rows(f"SELECT {door}_us FROM frames WHERE {door}_us IS NOT NULL")]
            if values:
                p50, p95, p99 = (round(float(value), 3) for value in np.percentile(values, [50, 95, 99]))
                table[door] = Percentiles(p50=p50, p95=p95, p99=p99, n=len(values))
        return table

    def rate_hz(self) -> float | None:
        """Return results per second of the longest run; None with fewer than two results."""
        rates = [
            (n - 1) * 1e9 / (last - first)
            for n, first, last in self._rows(
                "SELECT COUNT(*), MIN(received_ns), MAX(received_ns) FROM frames "
                "WHERE outcome IN ('result','late') GROUP BY run_id ORDER BY COUNT(*) DESC LIMIT 1"
            )
            if n > 1 and last > first
        ]
        return round(rates[0], 3) if rates else None

    def reasons(self) -> dict[str, int]:
        """Return how often each kind of loss or failure occurred, such as "dropped(superseded)"."""
        tally: dict[str, int] = {}
        query = "SELECT outcome, detail, {n} FROM {table} WHERE outcome IN ('dropped','failed') GROUP BY 1, 2"
        for table, n in (("frames", "COUNT(*)"), ("ranges", "SUM(last-first+1)")):
            for outcome, detail, count in self._rows(query.format(table=table, n=n)):
                key = f"{outcome}({detail})"
                tally[key] = tally.get(key, 0) + count
        return dict(sorted(tally.items(), key=lambda item: -item[1]))

    def events(self, kind: str | None = None) -> list[tuple[int, str, str]]:
        """Return (wall time in ns, kind, text), oldest first."""
        rows = self._rows("SELECT wall_ns, kind, text FROM events ORDER BY wall_ns")
        return [row for row in rows if kind is None or row[1] == kind]

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._database.close()

    def _counts(self, where: str, *values: Any) -> OutcomeCounts:
        tally: dict[str, int] = {}
        for table, n in (("frames", "COUNT(*)"), ("ranges", "SUM(last-first+1)")):
            for outcome, count in self._rows(f"SELECT outcome, {n} FROM {table} {where} GROUP BY outcome", *values):
                tally[outcome or ""] = tally.get(outcome or "", 0) + count
        seen = sum(tally.values())
        tally.pop("", None)
        return OutcomeCounts(seen=seen, **tally)

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        return iter(self._database.execute(query, values))

    def _one(self, query: str, *values: Any) -> int:
        return int(self._database.execute(query, values).fetchone()[0])


_OF_RUN = "run_id=(SELECT id FROM runs WHERE run=?)"
