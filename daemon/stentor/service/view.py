"""View: the terminal picture of a running rig, drawn by the launcher from the daemon's status."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stentor.client.commands import ask
from stentor.core.errors import PublishError
from stentor.wire.command import Status

ASK_EVERY_S: Final = 0.5
ASK_TIMEOUT_S: Final = 0.3
NEWS_SHOWN: Final = 4


class View:
    """Used by the launcher's thread: `look` as often as wanted, inside `with`; draws twice a second."""

    def __init__(self, rig: str, folder: Path, news: Sequence[str], console: Console) -> None:
        self._rig = rig
        self._folder = folder
        self._news = news
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._asked_at = float("-inf")

    def __enter__(self) -> "View":
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def look(self) -> None:
        """Ask the daemon and draw, if it is time."""
        now = time.monotonic()
        if now - self._asked_at < ASK_EVERY_S:
            return
        self._asked_at = now
        try:
            status = ask("status", self._rig, timeout_s=ASK_TIMEOUT_S).status
        except PublishError:
            status = None
        self._live.update(picture(self._rig, status, self._folder, self._news), refresh=True)


def picture(rig: str, status: Status | None, folder: Path, news: Sequence[str]) -> RenderableType:
    """Return the picture of one moment; `status` None: no daemon answers."""
    head = Text.assemble(("stentor ", "bold"), rig, "   ")
    if status is None:
        head.append("starting or away", style="yellow")
        return Group(head, *_tail(folder, news))
    head.append(status.state, style="green" if status.state == "running" else "yellow")
    head.append(f"   up {status.uptime_s:.0f} s   ")
    head.append("" if status.rate_hz is None else f"{status.rate_hz:.1f} results/s")
    parts: list[RenderableType] = [head, _outcomes(status), _latency(status)]
    parts += [Text(f"{m.name} {m.hash[:12]} on {m.provider}", style="dim") for m in status.models.values()]
    parts += [
        Text(f"{c.name} ({c.delivery}): sent {c.sent}, dropped {c.dropped}, waiting {c.waiting}", style="dim")
        for c in status.consumers
    ]
    parts += [Text(f"! {fault}", style="red") for fault in status.faults]
    parts += [Text(f"! the plan runs without {stage}", style="red") for stage in status.quarantined]
    name = "" if rig == "default" else f" --name {rig}"
    parts.append(Text(f"listen in another terminal: stentor listen{name}      Ctrl-C ends", style="cyan"))
    return Group(*parts, *_tail(folder, news))


def _outcomes(status: Status) -> Table:
    table = Table(box=None, pad_edge=False)
    counts: dict[str, int] = msgspec.to_builtins(status.outcomes)
    for name in counts:
        table.add_column(name, justify="right")
    table.add_row(*(str(count) for count in counts.values()))
    return table


def _latency(status: Status) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("since the image arrived, ms", "p50", "p95", "p99"):
        table.add_column(title, justify="left" if "," in title else "right")
    for door, value in status.latency_ms.items():
        table.add_row(door, f"{value.p50:.1f}", f"{value.p95:.1f}", f"{value.p99:.1f}")
    return table


def _tail(folder: Path, news: Sequence[str]) -> list[RenderableType]:
    return [
        *(Text(line, style="yellow") for line in news[-NEWS_SHOWN:]),
        Text(f"ledger and logs in {folder}", style="dim"),
    ]
