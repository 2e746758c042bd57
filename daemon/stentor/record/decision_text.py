"""Decision text: the decision log in lines for people."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from stentor.core.action import Action
from stentor.record.decisions import Decision


def decision_lines(decisions: Iterable[Decision]) -> Iterator[str]:
    """Yield a line for each decision, then how many came to what, and the reaction times."""
    verdicts: Counter[str] = Counter()
    reactions_ms = []
    for decision in decisions:
        verdicts[decision.verdict] += 1 + decision.left_out
        if decision.reaction_ms is not None and decision.verdict == "done":
            reactions_ms.append(decision.reaction_ms)
        yield _line(decision)
    yield ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "no decisions"
    if reactions_ms:
        p50, p99 = np.percentile(reactions_ms, (50, 99))
        yield f"from frame to device call: p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(reactions_ms)}"


def cut_off_line(wall_ns: int) -> str:
    """Return in words that a log is full since then."""
    return f"record.decisions_mb was used up at {_time(wall_ns)}: what was asked for afterwards is not in the log"


def action_words(action: Action) -> str:
    """Return an action in one line: its kind and what it says."""
    what = msgspec.to_builtins(action)
    kind = what.pop("kind")
    if "mask" in what:
        what["mask"] = f"{len(what['mask'])} bytes"
    return " ".join(
        [kind, *(f"{key}={_short(value)}" for key, value in what.items() if value not in (None, False, ()))]
    )


def _line(decision: Decision) -> str:
    at, cause = _time(decision.wall_ns), decision.cause
    who = f"{cause.controller}/{_short(cause.rule)}" if cause.rule else cause.controller
    frame = "" if cause.frame_id is None else f" on {cause.frame_id}"
    after = "" if decision.reaction_ms is None else f" after {decision.reaction_ms:.1f} ms"
    why = f" ({cause.reason})" if cause.reason else ""
    said = "".join(f": {words}" for words in (decision.guard_rule, decision.text) if words)
    said += f", and {decision.left_out} more before it" if decision.left_out else ""
    return " ".join(f"{at} {who}{frame} {action_words(decision.action)} {decision.verdict}{after}{said}{why}".split())


def _time(wall_ns: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(wall_ns / 1e9))


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
