"""Camera numbers: the cameras' own counts, whose holes are images that never reached us."""

from typing import NamedTuple

from stentor.core.frame import FrameHeader


class _Last(NamedTuple):
    run: str
    number: int
    sequence: int
    entered: int


class CameraNumbers:
    """Used by ingest's thread."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str | None], _Last] = {}
        self._entered: dict[str, tuple[str, int]] = {}

    def hole_before(self, header: FrameHeader) -> int:
        """Return how many numbers were skipped before this frame; 0 where the camera does not count.

        Called for every frame once. A frame that its producer named and lost before it came here has an outcome of its
        own and is no hole; where two cameras share a stream nobody knows whose it was, and it excuses both.
        """
        stream, run, sequence = header.frame_id.stream, header.frame_id.run, header.frame_id.sequence
        known_run, count = self._entered.get(stream, (run, 0))
        entered = count + 1 if known_run == run else 1
        self._entered[stream] = (run, entered)
        number = header.camera_number
        if number is None:
            return 0
        counter = (stream, header.camera)  # a tap's stream may hold the images of two cameras
        last = self._last.get(counter)
        self._last[counter] = _Last(run, number, sequence, entered)
        if last is None or last.run != run:
            return 0
        lost_on_the_way = max(0, (sequence - last.sequence) - (entered - last.entered))
        return max(0, number - last.number - 1 - lost_on_the_way)
