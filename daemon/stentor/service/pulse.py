"""Pulse: a few numbers that a child keeps in a shared file, still readable after it was killed."""

import mmap
import os
import time
from pathlib import Path
from typing import Final, Self

import numpy as np

FIELDS: Final = 4
IDLE: Final = -1


class Pulse:
    """Made by the launcher, written by one child, read by the launcher; `close` may be called twice.

    Attributes (each one aligned 8-byte number, so that a reader never sees half of one): when the child last said
    that it lives, which stage of the plan runs (`IDLE`: none), since when, and how many frames it has named.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._map = mmap.mmap(descriptor, FIELDS * 8)
        finally:
            os.close(descriptor)
        self._numbers = np.frombuffer(self._map, np.int64)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the file afresh, with a beat now."""
        path.write_bytes(np.array([time.perf_counter_ns(), IDLE, 0, 0], np.int64).tobytes())
        return cls(path)

    def beat(self) -> None:
        """Say that this process lives."""
        self._numbers[0] = time.perf_counter_ns()

    def enter_stage(self, index: int) -> None:
        """Say which stage runs from now on."""
        self._numbers[2] = time.perf_counter_ns()
        self._numbers[1] = index

    def count_frame(self) -> None:
        """Say that one more frame was named."""
        self._numbers[3] += 1

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat."""
        return (time.perf_counter_ns() - int(self._numbers[0])) / 1e9

    @property
    def stage(self) -> int:
        """Index of the stage that runs, or `IDLE`."""
        return int(self._numbers[1])

    @property
    def stage_s(self) -> float:
        """Seconds that it has been running."""
        return (time.perf_counter_ns() - int(self._numbers[2])) / 1e9

    @property
    def frames(self) -> int:
        """Frames named so far."""
        return int(self._numbers[3])

    def close(self) -> None:
        """Let go of the file, which stays."""
        if not self._map.closed:
            del self._numbers
            self._map.close()
