"""Camera numbers: the cameras' own counts, whose holes are images that never reached us."""

from stentor.core.frame import FrameHeader


class CameraNumbers:
    """Used by ingest's thread."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, int]] = {}

    def hole_before(self, header: FrameHeader) -> int:
        """Return how many numbers were skipped before this frame; 0 where the camera does not count."""
        number = header.camera_number
        if number is None:
            return 0
        run, last = self._last.get(header.frame_id.stream, ("", -1))
        self._last[header.frame_id.stream] = (header.frame_id.run, number)
        return max(0, number - last - 1) if run == header.frame_id.run else 0
