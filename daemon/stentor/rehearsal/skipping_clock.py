"""Skipping clock: real time, except that nobody sleeps."""

import threading
import time

from stentor.core.clock import NS_PER_S

CLOCK_ID = "rehearsal"


class SkippingClock:
    """Runs as the machine's time does while something is computed, and jumps to the end of every wait.

    A `Clock` for those who stamp and a `MicroscopeClock` for the simulated microscope: what a model or a drive takes
    counts as long as it does in truth, and an interval of a minute costs nothing.
    """

    def __init__(self) -> None:
        self._began_wall_ns = time.time_ns() - time.perf_counter_ns()
        self._ahead_ns = 0
        self._lock = threading.Lock()

    @property
    def clock_id(self) -> str:
        return CLOCK_ID

    def monotonic_ns(self) -> int:
        """Tell the time, waits included."""
        with self._lock:
            return time.perf_counter_ns() + self._ahead_ns

    def wall_ns(self) -> int:
        """Tell the time of day that it would be."""
        return self._began_wall_ns + self.monotonic_ns()

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._ahead_ns += int(max(0.0, seconds) * NS_PER_S)

    def wait_until(self, deadline_ns: int, give_up: threading.Event) -> bool:
        """Jump to a time; False when `give_up` is set."""
        with self._lock:
            self._ahead_ns += max(0, deadline_ns - time.perf_counter_ns() - self._ahead_ns)
        return not give_up.is_set()
