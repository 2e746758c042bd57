"""Answers: who has asked what under which id, so that a repeated request is done once and answered each time."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from stentor.core.action import Action, Receipt, Request

EACH: Final = 1024
ASKERS: Final = 64
REPLIES: Final = 16

Reply = Callable[[Receipt], None]

Print = bytes
"""Fingerprint of an action: the actions themselves may be large."""

_encode: Final = msgspec.msgpack.Encoder().encode


class Open(NamedTuple):
    """A request under way, and whom to answer."""

    action: Print
    replies: list[Reply]


class Answers:
    """`is_taken` and `repeats` before a request is considered, then `open`, `close` with its receipt; one at a time.

    An id is known among the last 1024 of its asker. Each asker has ids and a memory of its own: neither another's ids
    nor another's flood touch it.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Open] = {}
        self._given: OrderedDict[str, OrderedDict[str, tuple[Print, Receipt]]] = OrderedDict()

    def is_taken(self, request: Request) -> bool:
        """Tell whether the asker has used the id for another action."""
        under_way = self._open.get(_key(request))
        given = self._earlier(request)
        earlier = under_way.action if under_way is not None else None if given is None else given[0]
        return earlier is not None and earlier != _print(request.action)

    def repeats(self, request: Request, reply: Reply) -> bool:
        """Tell whether it was asked before, and see to its answer; False: it is new."""
        given = self._earlier(request)
        if given is not None:
            reply(given[1])
            return True
        under_way = self._open.get(_key(request))
        if under_way is not None and len(under_way.replies) < REPLIES:
            under_way.replies.append(reply)
        return under_way is not None

    def open(self, request: Request, reply: Reply) -> None:
        """Note that a new request is under way."""
        self._open[_key(request)] = Open(_print(request.action), [reply])

    def _earlier(self, request: Request) -> tuple[Print, Receipt] | None:
        given = self._given.get(request.cause.controller)
        return None if given is None else given.get(request.id)

    def close(self, request: Request, receipt: Receipt) -> list[Reply]:
        """Remember the answer to a request; returns whom to give it."""
        who = request.cause.controller
        under_way = self._open.pop(_key(request), None)
        given = self._given.setdefault(who, OrderedDict())
        self._given.move_to_end(who)
        given[request.id] = (_print(request.action), receipt)
        while len(given) > EACH:
            given.popitem(last=False)
        while len(self._given) > ASKERS:
            self._given.popitem(last=False)
        return [] if under_way is None else under_way.replies


def _key(request: Request) -> tuple[str, str]:
    return request.cause.controller, request.id


def _print(action: Action) -> Print:
    return hashlib.blake2b(_encode(action), digest_size=16).digest()
