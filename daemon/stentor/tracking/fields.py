"""Fields: a tracker for every run, position and channel, and numbers that are unique within a run."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stentor.core.finding import Objects
from stentor.core.frame import FrameHeader, PixelToStage
from stentor.tracking.settings import TrackerSettings
from stentor.tracking.tracker import Tracked, Tracker
from stentor.tracking.view import change_of_view

MOST_FIELDS: Final = 1000
"""Fields that have been seen least lately are forgotten: a daemon that runs for weeks meets ever new runs."""


class FieldName(NamedTuple):
    """What a tracker belongs to; None: the source did not say."""

    stream: str
    run: str
    position: int | None
    channel: str | None


@dataclass(slots=True, eq=False)
class _Field:
    tracker: Tracker
    t: int | None
    sequence: int
    pixel_to_stage: PixelToStage | None
    stride: int | None = None

    def elapsed(self, header: FrameHeader) -> int:
        """Return how many of this field's frames have gone by, 1 when none was skipped.

        Time points count where the acquisition numbers them; else images, in the smallest distance seen.
        """
        gap = header.sequence - self.sequence
        if header.t is not None and self.t is not None:
            return max(1, header.t - self.t)
        if gap > 0:
            self.stride = gap if self.stride is None else min(self.stride, gap)
        return max(1, round(gap / self.stride)) if self.stride else 1


class Fields:
    """Called by one thread: `update` with every frame, in the order of each run."""

    def __init__(self, settings: TrackerSettings, *, most_fields: int = MOST_FIELDS) -> None:
        self._settings = settings
        self._most = most_fields
        self._fields: OrderedDict[FieldName, _Field] = OrderedDict()
        self._numbers: dict[str, Callable[[], int]] = {}

    def __len__(self) -> int:
        """Number of fields that are remembered."""
        return len(self._fields)

    def update(self, header: FrameHeader, objects: Objects, labels_yx: NDArray[np.int32] | None) -> Tracked:
        """Track the objects of a frame in the field that it shows; see `Tracker.update`.

        Where the frames say where they lie on the stage, a move of it is no motion of the objects. A frame that does
        not say is taken to lie where the last one did that said.
        """
        name = FieldName(header.frame_id.stream, header.frame_id.run, header.p, header.channel)
        field = self._fields.get(name)
        elapsed = 1
        if field is None:
            numbers = self._numbers.setdefault(name.run, count(1).__next__)
            field = _Field(Tracker(self._settings, next_id=numbers), header.t, header.sequence, header.pixel_to_stage)
            self._fields[name] = field
        else:
            elapsed = field.elapsed(header)
        self._fields.move_to_end(name)
        change = change_of_view(field.pixel_to_stage, header.pixel_to_stage)
        tracked = field.tracker.update(objects, labels_yx=labels_yx, elapsed=elapsed, change=change)
        field.t, field.sequence = header.t, header.sequence
        if header.pixel_to_stage is not None:
            field.pixel_to_stage = header.pixel_to_stage
        self._forget()
        return tracked

    def _forget(self) -> None:
        while len(self._fields) > self._most:
            gone, _ = self._fields.popitem(last=False)
            if all(name.run != gone.run for name in self._fields):
                self._numbers.pop(gone.run, None)
