"""Microscope clock: the time that stages, camera and specimen share, real or turned by hand."""

import threading
import time
from typing import Protocol


class MicroscopeClock(Protocol):
    """Monotonic nanoseconds, and a way to wait for them."""

    def monotonic_ns(self) -> int:
        """Tell the time; never goes backwards."""
        ...

    def wait_until(self, deadline_ns: int, give_up: threading.Event) -> bool:
        """Wait for a time; False when `give_up` was set first."""
        ...


class RealClock:
    """The machine's own `perf_counter_ns`, the same that stamps frames elsewhere."""

    def monotonic_ns(self) -> int:
        """Tell the machine's monotonic time."""
        return time.perf_counter_ns()

    def wait_until(self, deadline_ns: int, give_up: threading.Event) -> bool:
        """Sleep until the deadline, waking early only to give up."""
        while (left_ns := deadline_ns - time.perf_counter_ns()) > 0:
            if give_up.wait(left_ns / 1e9):
                return False
        return not give_up.is_set()


class HandClock:
    """A clock that a test turns; waiting turns it forward at once, so nothing ever sleeps."""

    def __init__(self, start_ns: int = 1_000_000_000) -> None:
        self._now_ns = start_ns
        self._lock = threading.Lock()

    def monotonic_ns(self) -> int:
        """Tell the time last turned to."""
        with self._lock:
            return self._now_ns

    def advance(self, seconds: float) -> None:
        """Turn the clock forward."""
        with self._lock:
            self._now_ns += int(seconds * 1e9)

    def wait_until(self, deadline_ns: int, give_up: threading.Event) -> bool:
        """Jump to the deadline."""
        with self._lock:
            self._now_ns = max(self._now_ns, deadline_ns)
        return not give_up.is_set()
