"""Light path: lamp, shutter and filter wheel, and how much light reaches the slide."""

from enum import IntEnum


class Channel(IntEnum):
    """Positions of the filter wheel."""

    DAPI = 0
    PHASE = 1
    STIMULATION = 2


CHANNEL_LABELS = {Channel.DAPI: "DAPI", Channel.PHASE: "Phase", Channel.STIMULATION: "Stimulation"}


class LightPath:
    """Lamp, shutter and filter wheel; while the wheel turns no light passes.

    Not thread-safe: the microscope holds its lock around every call.
    """

    def __init__(self, *, filter_ms: float, now_ns: int) -> None:
        self._filter_ns = int(filter_ms * 1e6)
        self._arrival_ns = now_ns
        self.channel = Channel.DAPI
        self.intensity = 1.0
        self.is_open = False

    def turn_to(self, channel: Channel, now_ns: int) -> None:
        """Start turning the wheel; to where it stands already costs nothing."""
        if channel != self.channel:
            self.channel = channel
            self._arrival_ns = now_ns + self._filter_ns

    def is_busy(self, now_ns: int) -> bool:
        """Tell whether the wheel turns."""
        return now_ns < self._arrival_ns

    def transmitted(self, start_ns: int, end_ns: int) -> float:
        """Tell the light that passes between two times, as a share of full light all the time, shutter apart."""
        if end_ns <= start_ns:
            return 0.0
        clear_ns = end_ns - min(max(start_ns, self._arrival_ns), end_ns)
        return self.intensity * clear_ns / (end_ns - start_ns)
