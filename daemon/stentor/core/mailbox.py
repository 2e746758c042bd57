"""Mailbox: hand the newest frame to a slower reader, and count the rest."""

import threading
from collections import deque
from collections.abc import Hashable
from enum import Enum
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Policy(Enum):
    """What happens to a frame that finds its slot taken."""

    LATEST = "latest"
    """The newer one replaces the older one, which is handed back to be counted."""
    BLOCK = "block"
    """The writer waits; for replay and offline work only, never behind a camera."""


class Mailbox(Generic[Item]):
    """One slot per key, served round-robin so that no key starves. Any thread may write, any may read.

    Parameters
    ----------
    policy
        What happens when the slot is taken.
    depth
        Items a key may hold before the policy bites.
    """

    def __init__(self, policy: Policy = Policy.LATEST, *, depth: int = 1) -> None:
        if depth < 1:
            raise ValueError(f"a mailbox holds at least one item per key, not {depth}")
        self._policy = policy
        self._depth = depth
        self._slots: dict[Hashable, deque[tuple[Item, bool]]] = {}
        self._turn: deque[Hashable] = deque()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, key: Hashable, item: Item, *, must_keep: bool = False, timeout_s: float | None = None) -> list[Item]:
        """Leave `item` in the slot of `key` and return the items it replaced.

        An item put with `must_keep` is never replaced: newer ones queue behind it. Under BLOCK the call waits for
        room, at most `timeout_s` (None: as long as the box is open); when none comes, or the box is closed,
        `item` itself is handed back.
        """
        with self._changed:
            if self._policy is Policy.BLOCK:
                self._changed.wait_for(lambda: self._is_closed or self._has_room(key), timeout_s)
                if self._is_closed or not self._has_room(key):
                    return [item]
            if self._is_closed:
                return [item]
            replaced = self._make_room(key)
            if key not in self._slots:
                self._slots[key] = deque()
                self._turn.append(key)
            self._slots[key].append((item, must_keep))
            self._changed.notify_all()
            return replaced

    def take(self, timeout_s: float) -> Item | None:
        """Return the oldest item of the key whose turn it is; None after `timeout_s` or when closed and empty."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._turn or self._is_closed, timeout_s) or not self._turn:
                return None
            key = self._turn.popleft()
            slot = self._slots[key]
            item, _ = slot.popleft()
            if slot:
                self._turn.append(key)
            else:
                del self._slots[key]
            self._changed.notify_all()
            return item

    def close(self) -> list[Item]:
        """Refuse further items, wake every waiting thread and return what was still inside."""
        with self._changed:
            self._is_closed = True
            left = [item for slot in self._slots.values() for item, _ in slot]
            self._slots.clear()
            self._turn.clear()
            self._changed.notify_all()
            return left

    def __len__(self) -> int:
        with self._changed:
            return sum(len(slot) for slot in self._slots.values())

    def _has_room(self, key: Hashable) -> bool:
        return len(self._slots.get(key, ())) < self._depth

    def _make_room(self, key: Hashable) -> list[Item]:
        # The key keeps its turn: a key whose item is replaced often would starve if it queued up anew.
        if key not in self._slots:
            return []
        entries = list(self._slots[key])
        surplus = sum(not must_keep for _, must_keep in entries) - self._depth + 1
        replaced: list[Item] = []
        kept: deque[tuple[Item, bool]] = deque()
        for item, must_keep in entries:
            if not must_keep and len(replaced) < surplus:
                replaced.append(item)
            else:
                kept.append((item, must_keep))
        self._slots[key] = kept
        return replaced
