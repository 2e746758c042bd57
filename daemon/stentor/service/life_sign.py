"""Life sign: what the daemon tells the scope while its analysis moves, so that its silence can stop the microscope."""

import logging
from typing import Final

from stentor.core.action import Alive, Cause, Request
from stentor.core.clock import NS_PER_S, Clock
from stentor.core.errors import PublishError
from stentor.wire.request import ScopeLink

logger = logging.getLogger(__name__)

DAEMON: Final = "daemon"
EVERY_S: Final = 0.3
GOODBYE_WITHIN_S: Final = 0.3


class LifeSign:
    """`give` often from one thread, which never waits for the scope; `close` at last.

    A stage that takes longer than `guard.silence_s` for one frame counts as silence: no result can come meanwhile.
    """

    def __init__(self, rig: str, clock: Clock) -> None:
        self._link = ScopeLink(rig)
        self._clock = clock
        self._given_ns: int | None = None
        self._count = 0

    def give(self, *, busy_s: float) -> None:
        """Tell the scope that the daemon lives, when it is time to; a stage that has run for `busy_s` may forbid it."""
        now_ns = self._clock.monotonic_ns()
        is_due = self._given_ns is None or now_ns - self._given_ns >= EVERY_S * NS_PER_S
        if busy_s <= EVERY_S and is_due:
            self._given_ns = now_ns
            self._tell(Alive(), now_ns)

    def close(self, *, is_goodbye: bool) -> None:
        """Let go; the scope hears the silence, unless it is told that none will follow."""
        if is_goodbye and self._given_ns is not None:
            try:
                self._link.ask(self._request(Alive(is_last=True), self._clock.monotonic_ns()), GOODBYE_WITHIN_S)
            except PublishError as err:  # then nobody misses it either
                logger.debug("no goodbye: %s", err)
        self._link.close()

    def _tell(self, action: Alive, now_ns: int) -> None:
        self._link.tell(self._request(action, now_ns))

    def _request(self, action: Alive, now_ns: int) -> Request:
        self._count += 1
        return Request(
            id=f"{DAEMON}-{now_ns}-{self._count}",
            action=action,
            cause=Cause(controller=DAEMON),
            issued_ns=now_ns,
            clock_id=self._clock.clock_id,
        )
