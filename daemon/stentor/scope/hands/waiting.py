"""Waiting: requests for the hardware, one controller's turn after the other's, so that a flood delays only itself."""

import threading
from collections import OrderedDict, deque
from typing import Final, NamedTuple

from stentor.core.action import Request

EACH: Final = 32
CONTROLLERS: Final = 16


class Asked(NamedTuple):
    """A request, and when it was received."""

    request: Request
    received_ns: int


class Waiting:
    """`put` from any thread; `pop`, and `answered` when that is done, by the one that holds the hardware."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: OrderedDict[str, deque[Asked]] = OrderedDict()
        self._has_come = threading.Event()
        self._in_hand: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether no request waits."""
        return not self._queues

    def put(self, asked: Asked) -> str | None:
        """Queue a request, or return in words why it cannot wait; None: it waits."""
        who = asked.request.cause.controller
        with self._lock:
            if who not in self._queues and len(self._queues) >= CONTROLLERS:
                return f"requests of {CONTROLLERS} others wait for the hardware already, and no more can; ask again"
            queue = self._queues.setdefault(who, deque())
            if len(queue) >= EACH:
                return f"{EACH} requests of {who} wait for the hardware already"
            queue.append(asked)
            self._has_come.set()
        return None

    def pop(self) -> Asked | None:
        """Return the next request, of the controller that has waited longest for a turn; None: nothing waits."""
        with self._lock:
            if not self._queues:
                self._has_come.clear()
                return None
            who, queue = self._queues.popitem(last=False)
            asked = queue.popleft()
            self._in_hand = frozenset([who])
            if queue:
                self._queues[who] = queue
            return asked

    def answered(self) -> None:
        """Note that the request popped last has been answered."""
        with self._lock:
            self._in_hand = frozenset()

    def whose(self) -> frozenset[str]:
        """Return the controllers that wait for an answer."""
        with self._lock:
            return self._in_hand.union(self._queues)

    def wait(self, timeout_s: float) -> bool:
        """Wait until something has come, or somebody wakes; tells whether."""
        has_come = self._has_come.wait(timeout_s)
        with self._lock:
            if not self._queues:
                self._has_come.clear()
        return has_come

    def wake(self) -> None:
        """End the wait."""
        self._has_come.set()
