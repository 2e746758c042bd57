"""Gather: put the channels, z-planes and time points together that a plan wants at once, before anything is dropped."""

from collections import OrderedDict
from typing import TypeAlias

from stentor.core.errors import SourceError
from stentor.core.frame import ASKED, Frame, FrameHeader
from stentor.core.outcome import Failed
from stentor.ingest.arrival import Arrived, LentPlane, alone
from stentor.ingest.settings import GatherSettings

Slot: TypeAlias = tuple[int, int, int]
"""Time point within the window, channel, z-plane; the order of a group's planes."""


Key: TypeAlias = tuple[str, str | None, int | None, bool]
"""Run, camera, position and whether a request asked for it: where one group is open at a time."""


class _Open:
    """A group on its way: the window of time it belongs to, and what has come."""

    def __init__(self, window: int | None) -> None:
        self.window = window
        self.by_slot: dict[Slot, LentPlane] = {}

    @property
    def n_bytes(self) -> int:
        return sum(one.buffer.nbytes for one in self.by_slot.values())


class Gather:
    """Used by ingest's thread. One group is open for each camera and position of a run.

    A group is given up, and its images fail with the reason, when an image of a later one comes, when its run ends,
    and when the open groups together hold more than `max_mb`: then the oldest goes.
    """

    def __init__(self, settings: GatherSettings) -> None:
        self._settings = settings
        self._size = settings.time_points * max(1, len(settings.channels)) * settings.z_planes
        self._open: OrderedDict[Key, _Open] = OrderedDict()

    def add(self, one: LentPlane) -> tuple[Arrived | None, list[tuple[Arrived, Failed]]]:
        """Take an image; return the group that it completes, and the groups given up on its account.

        Raises
        ------
        SourceError
            If the image's header does not say where in a group it belongs; the image is not taken.
        """
        if self._size == 1:
            return alone(one), []
        header = one.header
        window, slot = self._place(header)
        key = (header.frame_id.run, header.camera, header.p, ASKED in header.axes)
        given_up = []
        group = self._open.get(key)
        if group is not None and (group.window != window or slot in group.by_slot):
            given_up.append(self._give_up(key, "an image of the next group came before it was complete"))
            group = None
        if group is None:
            group = self._open[key] = _Open(window)
        group.by_slot[slot] = one
        if len(group.by_slot) == self._size:
            del self._open[key]
            return self._whole(group), given_up
        while sum(held.n_bytes for held in self._open.values()) > self._settings.max_mb * 1e6:
            given_up.append(self._give_up(next(iter(self._open)), "the open groups hold more than `gather.max_mb`"))
        return None, given_up

    def held(self, run: str) -> int:
        """Return how many images of a run wait here for the rest of their groups."""
        return sum(len(group.by_slot) for key, group in self._open.items() if key[0] == run)

    def end_run(self, run: str) -> list[tuple[Arrived, Failed]]:
        """Give up the open groups of a run that is over."""
        return [self._give_up(key, "the run ended before it was complete") for key in list(self._open) if key[0] == run]

    def end(self) -> list[tuple[Arrived, Failed]]:
        """Give up all open groups, because the daemon ends."""
        return [self._give_up(key, "the daemon ended before it was complete") for key in list(self._open)]

    def _place(self, header: FrameHeader) -> tuple[int | None, Slot]:
        settings = self._settings
        z = 0
        if settings.z_planes > 1:
            if header.z is None or not 0 <= header.z < settings.z_planes:
                raise SourceError(f"z index {header.z} is none of 0 to {settings.z_planes - 1}; set `gather.z_planes`")
            z = header.z
        channel = settings.channels.index(header.channel) if header.channel in settings.channels else 0
        if settings.time_points == 1:
            return header.t, (0, channel, z)
        if header.t is None:
            raise SourceError("the acquisition numbers no time points; set `gather.time_points` to 1")
        return header.t // settings.time_points, (header.t % settings.time_points, channel, z)

    def _whole(self, group: _Open) -> Arrived:
        lent = tuple(group.by_slot[slot] for slot in sorted(group.by_slot))
        # The reference: the newest time point, the first channel, the plane in the middle.
        reference = group.by_slot[self._settings.time_points - 1, 0, self._settings.z_planes // 2]
        planes = tuple(one.plane for one in lent)
        last = max(lent, key=lambda one: one.header.received_ns)
        return Arrived(Frame(reference.plane.header, reference.plane.pixels, planes), lent, last.times)

    def _give_up(self, key: Key, why: str) -> tuple[Arrived, Failed]:
        group = self._open.pop(key)
        lent = tuple(group.by_slot[slot] for slot in sorted(group.by_slot))
        first = lent[0]
        arrived = Arrived(Frame(first.plane.header, first.plane.pixels), lent, first.times)
        return arrived, Failed("gather", f"{len(lent)} of {self._size} images: {why}")
