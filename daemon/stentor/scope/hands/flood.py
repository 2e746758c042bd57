"""Flood: keeps what is refused again and again from filling the decision log, and with it the disk."""

import threading
from collections import OrderedDict
from typing import Final, NamedTuple, Protocol

from stentor.core.action import Action, Receipt, Request
from stentor.core.clock import NS_PER_S, Clock

EVERY_NS: Final = 60 * NS_PER_S
KINDS: Final = 64
"""Of refusals, by who asks, the rule and the kind of action, that are told from others at a time."""

Kind = tuple[str, str, type[Action]]


class Log(Protocol):
    """Told requests with their answers; `left_out` like one were refused before it and not told. None: as always."""

    def __call__(self, request: Request, receipt: Receipt, left_out: int | None = None, /) -> None: ...


class Row(NamedTuple):
    """The last of some refusals of one kind, and how many of them were left out before it."""

    request: Request
    receipt: Receipt
    left_out: int


class Flood:
    """Refusals are shown to `is_first`; those that are not the first of their kind in a minute come out of `due`.

    From any thread; forgets the kind that was quiet the longest.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told_ns: OrderedDict[Kind, int] = OrderedDict()
        self._untold: dict[Kind, Row] = {}
        self._forgotten: list[Row] = []

    def is_first(self, request: Request, receipt: Receipt) -> bool:
        """Tell whether a refusal may have its row at once; if not, it is remembered."""
        kind = request.cause.controller, receipt.rule, type(request.action)
        with self._lock:
            before = self._untold.get(kind)
            if before is None and not self._is_told(kind):
                self._note(kind)
                return True
            self._untold[kind] = Row(request, receipt, 0 if before is None else before.left_out + 1)
            self._told_ns.move_to_end(kind)
            return False

    def due(self) -> list[Row]:
        """Return the rows for which it is time, once: one a minute of each kind."""
        with self._lock:
            rows, self._forgotten = self._forgotten, []
            for kind in [kind for kind in self._untold if not self._is_told(kind)]:
                rows.append(self._untold.pop(kind))
                self._note(kind)
            return rows

    def rest(self) -> list[Row]:
        """Return all that was not told, at the end."""
        with self._lock:
            rows = [*self._forgotten, *self._untold.values()]
            self._forgotten, self._untold = [], {}
            return rows

    def _is_told(self, kind: Kind) -> bool:
        told_ns = self._told_ns.get(kind)
        return told_ns is not None and self._clock.monotonic_ns() - told_ns < EVERY_NS

    def _note(self, kind: Kind) -> None:
        self._told_ns[kind] = self._clock.monotonic_ns()
        self._told_ns.move_to_end(kind)
        while len(self._told_ns) > KINDS:
            quiet, _ = self._told_ns.popitem(last=False)
            if quiet in self._untold:
                self._forgotten.append(self._untold.pop(quiet))
