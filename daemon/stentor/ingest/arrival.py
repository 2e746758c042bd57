"""Arrival: a frame or a gathered group inside the daemon, with its lent buffers and the stamps it has collected."""

from dataclasses import dataclass
from typing import Any

from msgspec import structs
from numpy.typing import NDArray

from stentor.core.doors import DoorTimes
from stentor.core.frame import Frame, FrameHeader, FrameId, Plane
from stentor.core.ledger import FrameLedger
from stentor.core.outcome import Outcome
from stentor.ingest.pool import FramePool


@dataclass(frozen=True, slots=True, eq=False)
class LentPlane:
    """One image; `buffer` is the writable owner of the plane's read-only pixels."""

    plane: Plane
    buffer: NDArray[Any]
    times: DoorTimes

    @property
    def header(self) -> FrameHeader:
        """The image's header."""
        return self.plane.header


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A frame that waits for the pipeline.

    Attributes
    ----------
    lent
        The images it is made of; one, unless they were gathered.
    times
        Stamps of the image that came last.
    """

    frame: Frame
    lent: tuple[LentPlane, ...]
    times: DoorTimes

    @property
    def members(self) -> tuple[FrameId, ...]:
        """Names of the gathered images; empty for a frame that came alone."""
        return tuple(one.header.frame_id for one in self.lent) if self.frame.planes else ()

    def close(self, outcome: Outcome, ledger: FrameLedger, pool: FramePool, times: DoorTimes | None = None) -> None:
        """Give all its images one outcome and their buffers back; `times` are those of the group so far."""
        times = times or self.times
        for one in self.lent:
            own = structs.replace(times, received=one.times.received, tapped=one.times.tapped)
            ledger.close(one.header.frame_id, outcome, own)
            pool.take_back(one.buffer)


def alone(one: LentPlane) -> Arrived:
    """Make a frame of a single image."""
    return Arrived(Frame(one.plane.header, one.plane.pixels), (one,), one.times)
