"""Clock: where durations and stamps come from, so that a test can turn the hands itself."""

import time
from typing import Protocol

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """A source of time; every method may be called from any thread.

    Attributes
    ----------
    clock_id
        Names the counter behind `monotonic_ns` (host and boot). Stamps with different ids must never be
        subtracted from each other.
    """

    @property
    def clock_id(self) -> str: ...

    def monotonic_ns(self) -> int:
        """Nanoseconds of a counter that never goes back; its zero has no meaning."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC; may jump when the machine's clock is set."""
        ...


class SystemClock:
    """The machine's own time: `perf_counter_ns`, which on Linux and Windows all processes share."""

    def __init__(self, clock_id: str) -> None:
        self._clock_id = clock_id

    @property
    def clock_id(self) -> str:
        return self._clock_id

    def monotonic_ns(self) -> int:
        return time.perf_counter_ns()

    def wall_ns(self) -> int:
        return time.time_ns()


class FakeClock:
    """A clock that moves only when a test says so.

    >>> clock = FakeClock()
    >>> clock.advance(ms=2.5)
    >>> clock.monotonic_ns()
    2500000
    """

    def __init__(self, *, monotonic_ns: int = 0, wall_ns: int = 0, clock_id: str = "fake") -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._clock_id = clock_id

    @property
    def clock_id(self) -> str:
        return self._clock_id

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def wall_ns(self) -> int:
        return self._wall_ns

    def advance(self, *, ms: float) -> None:
        """Move both hands forward by `ms` milliseconds."""
        step_ns = round(ms * NS_PER_MS)
        self._monotonic_ns += step_ns
        self._wall_ns += step_ns


def age_ms(stamp_ns: int, stamp_clock_id: str, now: Clock) -> float | None:
    """Tell how old a stamp is in milliseconds; None where the two clocks cannot be compared."""
    if stamp_clock_id != now.clock_id:
        return None
    return (now.monotonic_ns() - stamp_ns) / NS_PER_MS
