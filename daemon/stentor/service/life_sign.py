"""Life sign: what the daemon tells the scope while its analysis moves, so that its silence can stop the microscope."""

from typing import Final

from stentor.core.action import Alive, Cause, Request
from stentor.core.clock import NS_PER_S, Clock
from stentor.wire.request import ScopeLink

DAEMON: Final = "daemon"
EVERY_S: Final = 0.3


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

    def close(self) -> None:
        """Let go; the scope hears the silence."""
        self._link.close()

    def _tell(self, action: Alive, now_ns: int) -> None:
        self._count += 1
        self._link.tell(
            Request(
                id=f"{DAEMON}-{now_ns}-{self._count}",
                action=action,
                cause=Cause(controller=DAEMON),
                issued_ns=now_ns,
                clock_id=self._clock.clock_id,
            )
        )
