"""Losses: what could not be kept, counted, and said so often that it is seen and no more."""

from typing import Final

from stentor.core.clock import NS_PER_S, Clock

AGAIN_NS: Final = 60 * NS_PER_S


class Losses:
    """`note` for each loss, `end` for each that was kept; one at a time.

    Both return how many were lost when that is to be said now, else 0. None of them is never said, and neither of the
    two is said twice in a minute, also where losses come and go.

    >>> from stentor.core.clock import FakeClock
    >>> clock = FakeClock()
    >>> losses = Losses(clock)
    >>> [losses.note() for _ in range(3)]
    [1, 0, 0]
    >>> clock.advance(ms=60_000)
    >>> losses.note(), losses.end(), losses.end()
    (3, 4, 0)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._noted_ns: int | None = None
        self._ended_ns: int | None = None
        self._unsaid = 0
        self._count = 0

    def note(self) -> int:
        """Count one; how many since it was said last."""
        self._count += 1
        self._unsaid += 1
        if self._was_just(self._noted_ns):
            return 0
        self._noted_ns = self._clock.monotonic_ns()
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid

    def end(self) -> int:
        """Note that there are no more for now; how many since the last end that was said."""
        if not self._count or self._was_just(self._ended_ns):
            return 0
        self._ended_ns = self._clock.monotonic_ns()
        count, self._count, self._unsaid = self._count, 0, 0
        return count

    def _was_just(self, said_ns: int | None) -> bool:
        return said_ns is not None and self._clock.monotonic_ns() - said_ns < AGAIN_NS
