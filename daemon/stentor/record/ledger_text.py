"""Ledger text: a ledger in lines for people."""

from collections.abc import Iterator
from datetime import UTC, datetime

from stentor.core.outcome import OUTCOME_NAMES
from stentor.record.ledger_reader import LedgerReader


def ledger_lines(reader: LedgerReader) -> Iterator[str]:
    """Yield runs with their sums, reasons for losses, latencies, and events."""
    yield f"{'run':10} {'stream':12} {'began (UTC)':20} " + " ".join(
        f"{n:>8}" for n in ("seen", *OUTCOME_NAMES, "open")
    )
    for run in reader.runs():
        info, counts = run.info, run.counts
        began = _utc(info.started_wall_ns) if info.started_wall_ns else "unknown"
        numbers = [counts.seen, *(getattr(counts, name) for name in OUTCOME_NAMES), counts.open]
        expected = "" if info.expected is None else f"  of {info.expected} asked for"
        gaps = f"  {run.missing_camera_frames} missed by the camera" if run.missing_camera_frames else ""
        row = " ".join(f"{n:>8}" for n in numbers)
        ended = run.ended or "under way or cut off"
        yield f"{info.run[:8]:10} {info.stream:12} {began:20} {row}  {ended}{expected}{gaps}"
    for reason, n in reader.reasons().items():
        yield f"{n:>8} x {reason}"
    for door, value in reader.latency_ms().items():
        yield f"{door:12} p50 {value.p50:8.2f}  p95 {value.p95:8.2f}  p99 {value.p99:8.2f} ms  n {value.n}"
    for wall_ns, kind, text in reader.events():
        yield f"{_utc(wall_ns)}  {kind}: {text}"


def _utc(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
