"""Awaited: frames that somebody waits for by their axes, so that they are not dropped for newer ones."""

import threading
from collections.abc import Mapping
from typing import Final

from stentor.core.clock import NS_PER_S, Clock
from stentor.core.frame import FrameHeader

MOST: Final = 256
"""So many are remembered; older ones are forgotten first."""


class Awaited:
    """`expect` and `claims` from any thread.

    >>> from stentor.core.clock import FakeClock
    >>> awaited = Awaited(FakeClock())
    >>> awaited.expect({"t": 3}, for_s=2.0)
    >>> len(awaited)
    1
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until_ns: dict[tuple[tuple[str, int | str], ...], int] = {}

    def __len__(self) -> int:
        return len(self._until_ns)

    def expect(self, axes: Mapping[str, int | str], for_s: float) -> None:
        """Remember the axes of a frame for so long, or until it has come."""
        key = tuple(sorted(axes.items()))
        with self._lock:
            self._until_ns.pop(key, None)
            self._until_ns[key] = self._clock.monotonic_ns() + int(for_s * NS_PER_S)
            while len(self._until_ns) > MOST:
                del self._until_ns[next(iter(self._until_ns))]

    def claims(self, header: FrameHeader) -> bool:
        """Tell whether a frame is one that was waited for; the next one like it is not."""
        if not self._until_ns:
            return False
        now_ns = self._clock.monotonic_ns()
        with self._lock:
            self._until_ns = {key: until_ns for key, until_ns in self._until_ns.items() if until_ns >= now_ns}
            found = [key for key in self._until_ns if header.has_axes(dict(key))]
            for key in found:
                del self._until_ns[key]
        return bool(found)
