"""Latency: percentiles of the most recent durations, in bounded memory."""

from collections import deque
from collections.abc import Mapping

import msgspec
import numpy as np


class Percentiles(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds over the last `n` values."""

    p50: float
    p95: float
    p99: float
    n: int


class LatencyTable:
    """Keeps the last `window` durations of each door; not thread-safe, one owner."""

    def __init__(self, window: int = 4096) -> None:
        self._window = window
        self._recent: dict[str, deque[float]] = {}

    def add(self, durations_ms: Mapping[str, float]) -> None:
        """Enter one frame's durations by door."""
        for door, duration_ms in durations_ms.items():
            self._recent.setdefault(door, deque(maxlen=self._window)).append(duration_ms)

    def percentiles(self) -> dict[str, Percentiles]:
        """Return p50, p95 and p99 by door; doors nobody passed are absent.

        >>> table = LatencyTable()
        >>> table.add({"published": 10.0})
        >>> table.percentiles()["published"].p99
        10.0
        """
        table = {}
        for door, durations_ms in self._recent.items():
            p50, p95, p99 = (round(float(value), 3) for value in np.percentile(durations_ms, [50, 95, 99]))
            table[door] = Percentiles(p50=p50, p95=p95, p99=p99, n=len(durations_ms))
        return table
