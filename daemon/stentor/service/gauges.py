"""Gauges: the live numbers of the daemon, bounded in memory; any thread."""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Final

from stentor.core.clock import Clock
from stentor.core.doors import DoorTimes
from stentor.core.latency import LatencyTable, Percentiles

RATE_WINDOW: Final = 50
RATE_MAX_AGE_NS: Final = 10_000_000_000


class Gauges:
    """Latency by door and by stage, and the rate of results."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._doors = LatencyTable()
        self._stages = LatencyTable()
        self._published: deque[int] = deque(maxlen=RATE_WINDOW)

    def stages(self, stage_ms: Mapping[str, float]) -> None:
        """Enter the durations of one frame's stages."""
        with self._lock:
            self._stages.add(stage_ms)

    def result(self, times: DoorTimes) -> None:
        """Enter one published frame."""
        with self._lock:
            self._doors.add(times.since_received_ms())
            self._published.append(self._clock.monotonic_ns())

    def latency_ms(self) -> dict[str, Percentiles]:
        """Milliseconds from `received` to each later door."""
        with self._lock:
            return self._doors.percentiles()

    def stage_ms(self) -> dict[str, Percentiles]:
        """Milliseconds of each stage."""
        with self._lock:
            return self._stages.percentiles()

    def rate_hz(self) -> float | None:
        """Results per second lately; None: fewer than two in the last ten seconds."""
        with self._lock:
            now = self._clock.monotonic_ns()
            recent = [stamp for stamp in self._published if now - stamp < RATE_MAX_AGE_NS]
        if len(recent) < 2 or recent[-1] == recent[0]:
            return None
        return round((len(recent) - 1) * 1e9 / (recent[-1] - recent[0]), 2)
