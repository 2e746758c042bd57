"""Arrival: a frame inside the daemon, with its lent buffer and the stamps it has collected."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from stentor.core.doors import DoorTimes
from stentor.core.frame import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A frame that waits for the pipeline; `buffer` is the writable owner of the frame's read-only pixels."""

    frame: Frame
    buffer: NDArray[Any]
    times: DoorTimes
