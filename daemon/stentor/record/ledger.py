"""Ledger: every frame's one outcome, kept in memory at once and on disk within half a second."""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import structs

from stentor.core.clock import Clock
from stentor.core.doors import DoorTimes
from stentor.core.errors import RecordError
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.ledger import RunInfo
from stentor.core.outcome import Failed, Outcome, OutcomeCounts, detail_of, name_of
from stentor.core.ranges import SequenceRanges
from stentor.record.ledger_file import EndRow, EventRow, FrameRow, GapRow, LedgerFile, RangeRow, Row
from stentor.record.ledger_reader import LedgerReader

logger = logging.getLogger(__name__)

FLUSH_EVERY_S: Final = 0.4
MAX_PENDING_FRAMES: Final = 200_000
DAEMON_LOST: Final = Failed("daemon", "daemon-lost")


class _Run:
    def __init__(self) -> None:
        self.entered = SequenceRanges()
        self.open: dict[int, int] = {}  # sequence -> received_ns
        self.is_ended = False


class Ledger:
    """The `FrameLedger` of one daemon.

    A daemon that takes over a file from a killed one finds there which frames were seen and never closed, and
    closes them as failed(daemon-lost). A disk that refuses costs nothing but memory: the rows wait and are tried
    again; beyond `MAX_PENDING_FRAMES` they are folded into ranges, which keeps every outcome and gives up the times.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._file = LedgerFile(path)
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._counts = OutcomeCounts()
        self._frames: dict[tuple[str, int], FrameRow] = {}
        self._rows: list[Row] = []
        self._stopping = threading.Event()
        self.fault: str | None = None
        self._take_over(path)
        self._thread = threading.Thread(target=self._flush_for_ever, name="ledger", daemon=True)
        self._thread.start()

    def begin_run(self, info: RunInfo) -> None:
        with self._lock:
            if info.run not in self._runs:
                self._runs[info.run] = _Run()
                self._rows.append(info)

    def enter(self, header: FrameHeader) -> bool:
        frame_id = header.frame_id
        with self._lock:
            run = self._runs[frame_id.run]
            if frame_id.sequence in run.entered:
                return False
            run.entered.add(frame_id.sequence)
            run.open[frame_id.sequence] = header.received_ns
            self._count("seen")
            times = DoorTimes(received=header.received_ns)
            self._frames[frame_id.run, frame_id.sequence] = FrameRow(frame_id.run, frame_id.sequence, times=times)
            return True

    def close(self, frame_id: FrameId, outcome: Outcome, times: DoorTimes | None = None) -> Outcome | None:
        sequence = frame_id.sequence
        with self._lock:
            run = self._runs[frame_id.run]
            if sequence in run.entered and sequence not in run.open:
                return None
            if sequence not in run.entered:
                run.entered.add(sequence)
                self._count("seen")
            received_ns = run.open.pop(sequence, None)
            self._count(name_of(outcome))
            times = times or DoorTimes(received=received_ns)
            row = FrameRow(frame_id.run, sequence, name_of(outcome), detail_of(outcome), times)
            self._frames[frame_id.run, sequence] = row
            return outcome

    def close_ranges(self, run: str, ranges: Iterable[tuple[int, int]], outcome: Outcome) -> None:
        with self._lock:
            entered = self._runs[run].entered
            for first, last in ranges:
                for gap_first, gap_last in entered.holes(last + 1):
                    if gap_last >= first:
                        self._close_range(run, max(first, gap_first), gap_last, outcome)

    def close_holes(self, run: str, end: int, outcome: Outcome) -> None:
        self.close_ranges(run, [(0, end - 1)], outcome)

    def note_camera_gap(self, frame_id: FrameId, missing: int) -> None:
        with self._lock:
            self._rows.append(GapRow(frame_id.run, frame_id.sequence, missing))

    def note_event(self, kind: str, text: str) -> None:
        """Record something that happened, in words."""
        with self._lock:
            self._rows.append(EventRow(self._clock.wall_ns(), kind, text))

    def end_run(self, run: str, ended: str) -> None:
        with self._lock:
            if not self._runs[run].is_ended:
                self._runs[run].is_ended = True
                self._rows.append(EndRow(run, ended))

    def has_open(self, run: str) -> bool:
        """Tell whether frames of this run are still under way."""
        with self._lock:
            return bool(self._runs[run].open)

    def closed(self, run: str) -> int:
        with self._lock:
            return len(self._runs[run].entered) - len(self._runs[run].open)

    def counts(self) -> OutcomeCounts:
        with self._lock:
            return self._counts

    def flush(self) -> bool:
        """Write what is pending; False when the disk refuses, and `fault` says why."""
        with self._lock:
            rows: list[Row] = [*self._rows, *self._frames.values()]
            n_rows, frames = len(self._rows), dict(self._frames)
        if not rows:
            return True
        try:
            self._file.write(rows)
        except RecordError as err:
            if self.fault is None:
                logger.error("%s", err)
            self.fault = str(err)
            self._fold(MAX_PENDING_FRAMES)
            return False
        if self.fault is not None:
            logger.warning("the ledger can be written again")
        self.fault = None
        with self._lock:
            del self._rows[:n_rows]
            for key, row in frames.items():
                if self._frames.get(key) is row:
                    del self._frames[key]
        return True

    def stop(self, timeout_s: float = 5.0) -> None:
        """Write what is pending and close the file; may be called twice.

        Raises
        ------
        RecordError
            If the disk refuses even the outcomes without their times; the message holds the sums that the file lacks.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join(timeout_s)
        is_whole = self.flush()
        if not is_whole:
            self._fold(0)
            is_whole = self.flush()
        self._file.close()
        if not is_whole:
            raise RecordError(f"{self.fault}; this is the end, and the file lacks some of {self._counts}")

    # --- inside ---------------------------------------------------------------------------------------------------

    def _count(self, name: str, n: int = 1) -> None:
        self._counts = structs.replace(self._counts, **{name: getattr(self._counts, name) + n})

    def _close_range(self, run: str, first: int, last: int, outcome: Outcome) -> None:
        self._runs[run].entered.add(first, last)
        n = last - first + 1
        self._count("seen", n)
        self._count(name_of(outcome), n)
        self._rows.append(RangeRow(run, first, last, name_of(outcome), detail_of(outcome)))

    def _take_over(self, path: Path) -> None:
        reader = LedgerReader(path)
        try:
            self._counts = reader.counts()
            for summary in reader.runs():
                run = self._runs[summary.info.run] = _Run()
                run.is_ended = summary.ended is not None
                run.entered, lost = reader.entered(summary.info.run)
                for sequence in lost:
                    self._count("failed")
                    row = FrameRow(summary.info.run, sequence, name_of(DAEMON_LOST), detail_of(DAEMON_LOST))
                    self._frames[summary.info.run, sequence] = row
        finally:
            reader.close()

    def _fold(self, most: int) -> None:
        """Turn the rows of closed frames into ranges if more than `most` wait."""
        with self._lock:
            if len(self._frames) <= most:
                return
            folded: dict[tuple[str, str, str], SequenceRanges] = {}
            for key, row in list(self._frames.items()):
                if row.outcome is not None:
                    folded.setdefault((row.run, row.outcome, row.detail or ""), SequenceRanges()).add(row.sequence)
                    del self._frames[key]
            for (run, outcome, detail), ranges in folded.items():
                self._rows += [RangeRow(run, first, last, outcome, detail) for first, last in ranges.pairs()]

    def _flush_for_ever(self) -> None:
        while not self._stopping.wait(FLUSH_EVERY_S):
            self.flush()
