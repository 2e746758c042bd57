"""Cameras: which of a rig's cameras made an image, and how many of its images are missing before this one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stentor.microscope.metadata import camera_name, camera_number, counts_from_zero

if TYPE_CHECKING:
    import pymmcore


def camera_names(core: "pymmcore.CMMCore") -> tuple[str, ...]:
    """Return the labels of the cameras that give an image at each exposure: several behind a Multi Camera."""
    count = core.getNumberOfCameraChannels()
    if count <= 1:
        return (core.getCameraDevice(),)
    return tuple(core.getCameraChannelName(index) for index in range(count))


class Numbering:
    """Spots holes in the cameras' own numbers; one thread, one run."""

    def __init__(self) -> None:
        self._last: dict[str | None, int] = {}

    def missed_before(self, metadata: Mapping[str, Any]) -> int:
        """Tell how many images of the same camera should have come between its last one and this."""
        number = camera_number(metadata)
        if number is None:
            return 0
        camera = camera_name(metadata)
        before, self._last[camera] = self._last.get(camera), number
        if before is not None and number > before:
            return number - before - 1
        # A new count: the core begins one at 0 with every sequence.
        return number if counts_from_zero(metadata) else 0


class Turns:
    """Counts events by camera: each camera gives one image to every event, and gives them in order.

    For pycromanager, which numbers the images of a hardware sequence as they come, and two cameras come in any order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._numbering = Numbering()
        self._next: Counter[str | None] = Counter()

    def event_of(self, metadata: Mapping[str, Any]) -> int:
        """Return the number of the event that an image belongs to, from 0 in the run."""
        camera = camera_name(metadata, self._names)
        number = self._next[camera] + self._numbering.missed_before(metadata)
        self._next[camera] = number + 1
        return number
