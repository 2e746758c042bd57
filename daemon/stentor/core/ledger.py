"""Ledger: the contract by which every frame gets exactly one outcome."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from stentor.core.doors import DoorTimes
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.outcome import Outcome, OutcomeCounts


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run when it begins; `expected` is None for an open-ended one."""

    stream: str
    run: str
    started_wall_ns: int
    clock_id: str
    expected: int | None = None


class FrameLedger(Protocol):
    """Where frames are entered and closed; every method may be called from any thread and none waits for a disk.

    The first outcome of a frame stands; later ones are ignored, so that a watchdog and a late answer cannot count
    one frame twice.
    """

    def begin_run(self, info: RunInfo) -> None:
        """Know a run; harmless when it is known already."""
        ...

    def enter(self, header: FrameHeader) -> bool:
        """Enter a frame as seen; False: it was entered before."""
        ...

    def close(self, frame_id: FrameId, outcome: Outcome, times: DoorTimes | None = None) -> Outcome | None:
        """Give a frame its outcome, entering it if nobody did; None: it has one already, which stands."""
        ...

    def close_ranges(self, run: str, ranges: Iterable[tuple[int, int]], outcome: Outcome) -> None:
        """Give all frames of inclusive ranges that have no entry yet the same outcome."""
        ...

    def close_holes(self, run: str, end: int, outcome: Outcome) -> None:
        """Give every frame below `end` that has no entry yet the same outcome."""
        ...

    def note_camera_gap(self, frame_id: FrameId, missing: int) -> None:
        """Record that the camera's own numbering skipped `missing` frames before this one; they are never `seen`."""
        ...

    def end_run(self, run: str, ended: str) -> None:
        """Record how a run ended; its frames keep their outcomes."""
        ...

    def has_open(self, run: str) -> bool:
        """Tell whether frames of this run are still under way."""
        ...

    def closed(self, run: str) -> int:
        """Return how many frames of this run have their outcome."""
        ...

    def counts(self) -> OutcomeCounts:
        """Return the sums over all runs of this ledger."""
        ...
