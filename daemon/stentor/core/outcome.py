"""Outcome: the one thing that became of a frame, as a closed type."""

from enum import StrEnum
from typing import TypeAlias

import msgspec


class DropReason(StrEnum):
    """Why a frame was given up before it was analysed."""

    SUPERSEDED = "superseded"
    """A newer frame of the same stream and position arrived first."""
    OVERWRITTEN = "overwritten"
    """The producer needed the ring's slot again before the daemon had copied it."""
    NO_DAEMON = "no-daemon"
    """Nobody was there to take it, or whoever was took nothing for as long as the ring holds a frame."""
    DEADLINE = "deadline"
    """Its deadline had passed before a model saw it."""
    PAUSED = "paused"
    """An operator had paused the analysis."""


class Result(msgspec.Struct, frozen=True, tag="result"):
    """Analysed and published in time."""


class Late(msgspec.Struct, frozen=True, tag="late"):
    """Analysed and published after its deadline; never a reason to act."""


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """Given up on purpose, for a named reason."""

    reason: DropReason


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Something broke: `stage` names what, `reason` says how."""

    stage: str
    reason: str


class Unused(msgspec.Struct, frozen=True, tag="unused"):
    """No plan wants such frames."""


Outcome: TypeAlias = Result | Late | Dropped | Failed | Unused

OUTCOME_NAMES = ("result", "late", "dropped", "failed", "unused")


def name_of(outcome: Outcome) -> str:
    """Return the outcome's name, one of `OUTCOME_NAMES`.

    >>> name_of(Dropped(DropReason.SUPERSEDED))
    'dropped'
    """
    match outcome:
        case Result():
            return "result"
        case Late():
            return "late"
        case Dropped():
            return "dropped"
        case Failed():
            return "failed"
        case Unused():
            return "unused"


def detail_of(outcome: Outcome) -> str:
    """Return what the name alone does not say, or an empty string.

    >>> detail_of(Failed("segment", "RuntimeError: boom"))
    'segment: RuntimeError: boom'
    """
    match outcome:
        case Dropped(reason):
            return str(reason)
        case Failed(stage, reason):
            return f"{stage}: {reason}"
        case _:
            return ""


class OutcomeCounts(msgspec.Struct, frozen=True):
    """How many frames were seen and what became of them.

    `open` is the number of frames under way; in a finished run it is 0 and
    seen = result + late + dropped + failed + unused.
    """

    seen: int = 0
    result: int = 0
    late: int = 0
    dropped: int = 0
    failed: int = 0
    unused: int = 0

    @property
    def open(self) -> int:
        return self.seen - self.result - self.late - self.dropped - self.failed - self.unused
