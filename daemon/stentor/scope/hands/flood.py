"""Flood: keeps requests that were refused for their number from filling the decision log, and with it the disk."""

import threading
from collections import OrderedDict
from typing import Final

from stentor.core.clock import NS_PER_S, Clock

ASKERS: Final = 64


class Flood:
    """Asked from any thread; forgets whoever was quiet the longest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told_ns: OrderedDict[str, int] = OrderedDict()

    def is_due(self, who: str) -> bool:
        """Tell whether somebody's flood may have a row in the log: one a second."""
        with self._lock:
            now_ns = self._clock.monotonic_ns()
            if now_ns - self._told_ns.get(who, -NS_PER_S) < NS_PER_S:
                return False
            self._told_ns[who] = now_ns
            self._told_ns.move_to_end(who)
            while len(self._told_ns) > ASKERS:
                self._told_ns.popitem(last=False)
            return True
