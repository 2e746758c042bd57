"""Camera numbers: the cameras' own counts, whose holes are images that never reached us."""

from stentor.core.frame import FrameHeader


class CameraNumbers:
    """Used by ingest's thread."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str | None], tuple[str, int]] = {}

    def hole_before(self, header: FrameHeader) -> int:
        """Return how many numbers were skipped before this frame; 0 where the camera does not count."""
        number = header.camera_number
        if number is None:
            return 0
        counter = (header.frame_id.stream, header.camera)  # a tap's stream may hold the images of two cameras
        run, last = self._last.get(counter, ("", -1))
        self._last[counter] = (header.frame_id.run, number)
        return max(0, number - last - 1) if run == header.frame_id.run else 0
