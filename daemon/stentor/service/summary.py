"""Summary: one run of the launcher in numbers, read from its ledger after the end."""

from pathlib import Path
from typing import Any

import msgspec

from stentor.core.latency import Percentiles
from stentor.core.outcome import OutcomeCounts
from stentor.core.stage import ModelIdentity
from stentor.record.ledger_reader import LedgerReader


class RunTotals(msgspec.Struct, frozen=True):
    """One acquisition: its id, how many images were asked for (None: open-ended), and how it ended."""

    run: str
    stream: str
    expected: int | None
    seen: int
    missing_camera_frames: int
    ended: str | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `stentor run --summary json` prints as its last line.

    Attributes
    ----------
    outcomes
        seen = result + late + dropped + failed + unused.
    reasons
        How often each kind of loss or failure occurred.
    rate_hz
        Results per second of the longest acquisition; None: fewer than two results.
    latency_ms
        From the image's arrival at the scope to each later door.
    model
        The first model of the plan; None: the plan has none, or the daemon never told.
    ledger
        The file with all of it, for `stentor ledger`.
    """

    outcomes: OutcomeCounts
    reasons: dict[str, int]
    rate_hz: float | None
    latency_ms: dict[str, Percentiles]
    model: ModelIdentity | None
    models: dict[str, ModelIdentity]
    runs: list[RunTotals]
    exit_code: int
    ledger: str


def summarise(ledger: Path, models: dict[str, ModelIdentity], exit_code: int) -> Summary:
    """Read a ledger into a summary.

    Raises
    ------
    RecordError
        If there is no ledger: the daemon never came up.
    """
    reader = LedgerReader(ledger)
    try:
        return Summary(
            outcomes=reader.counts(),
            reasons=reader.reasons(),
            rate_hz=reader.rate_hz(),
            latency_ms=reader.latency_ms(),
            model=next(iter(models.values()), None),
            models=models,
            runs=[
                RunTotals(r.info.run, r.info.stream, r.info.expected, r.counts.seen, r.missing_camera_frames, r.ended)
                for r in reader.runs()
            ],
            exit_code=exit_code,
            ledger=str(ledger),
        )
    finally:
        reader.close()


def as_text(summary: Summary) -> str:
    """Return the summary for people."""
    outcomes: Any = msgspec.to_builtins(summary.outcomes)
    lines = ["frames      " + ", ".join(f"{name} {count}" for name, count in outcomes.items())]
    lines += [f"            {n} x {reason}" for reason, n in list(summary.reasons.items())[:5]]
    if summary.rate_hz is not None:
        lines.append(f"rate        {summary.rate_hz:.1f} results/s")
    if (published := summary.latency_ms.get("published")) is not None:
        lines.append(
            f"latency     published after p50 {published.p50:.1f}, p95 {published.p95:.1f}, p99 {published.p99:.1f} ms"
        )
    if summary.model is not None:
        lines.append(f"model       {summary.model.name} ({summary.model.hash[:12]}) on {summary.model.provider}")
    lines.append(f"ledger      {summary.ledger}")
    return "\n".join(lines)
