"""Outlet: what waits for one consumer, and whether it may be sent now. Pure bookkeeping, no socket."""

from collections import deque
from typing import Final

from msgspec import structs

from stentor.core.awaited import Awaited
from stentor.core.clock import NS_PER_MS, NS_PER_S, Clock
from stentor.publish.outgoing import Outgoing
from stentor.publish.spool import Spool
from stentor.wire.command import ConsumerStatus
from stentor.wire.consumer import Await, Credit, Register

MAX_RECORD_CREDIT: Final = 256
KEEP_MOST: Final = 64


class NewestOutlet:
    """Newest wins: one message waits, one is under way; what a newer one replaces is counted as dropped.

    For the classes "control" and "view". Results that the consumer waits for are not replaced: they are sent first, in
    order.
    """

    def __init__(self, register: Register, clock: Clock) -> None:
        self.register = register
        self._wanted = structs.replace(register, epoch="", resume_after=-1)
        self._clock = clock
        self._awaited = Awaited(clock)
        self._kept: deque[Outgoing] = deque()
        self._newest: Outgoing | None = None
        self._is_credited = True
        self._taken_at_ns: int | None = None
        self._seen = self._sent = self._dropped = 0

    def offer(self, outgoing: Outgoing) -> None:
        """Take a new message in place of the one that waits, unless the consumer asked for fewer."""
        self._seen += 1
        now_ns = self._clock.monotonic_ns()
        if outgoing.frame is not None and len(self._kept) < KEEP_MOST and self._awaited.claims(outgoing.frame):
            self._kept.append(outgoing)
            outgoing.parts(self.register.wish)
            return
        if self._is_too_soon(now_ns):
            self._dropped += 1
            return
        self._taken_at_ns = now_ns
        self._dropped += self._newest is not None
        self._newest = outgoing
        outgoing.parts(self.register.wish)  # now, while its arrays are there

    def next_message(self) -> list[bytes] | None:
        """Return what should be sent now; None: nothing, or the consumer is not ready."""
        if self._kept:
            return self._kept[0].parts(self.register.wish) if self._is_credited else None
        if self._newest is not None and self._is_stale(self._newest):
            self._newest = None
            self._dropped += 1
        if self._newest is None or not self._is_credited:
            return None
        return self._newest.parts(self.register.wish)

    def sent(self) -> None:
        """Note that the message of `next_message` left."""
        if self._kept:
            self._kept.popleft()
        else:
            self._newest = None
        self._is_credited = False
        self._sent += 1

    def credit(self, credit: Credit) -> None:
        """Note that the consumer is ready for one more: a level, so that saying it twice is harmless."""
        self._is_credited = True

    def serves(self, register: Register) -> bool:
        """Tell whether this consumer, introduced again, wants what it wanted before."""
        return structs.replace(register, epoch="", resume_after=-1) == self._wanted

    def expect(self, awaited: Await) -> None:
        """Note that the consumer waits for a frame."""
        self._awaited.expect(awaited.axes, awaited.for_s)

    def status(self) -> ConsumerStatus:
        """Return the counts so far."""
        return ConsumerStatus(
            name=self.register.name,
            delivery=self.register.delivery,
            seen=self._seen,
            sent=self._sent,
            dropped=self._dropped,
            waiting=int(self._newest is not None) + len(self._kept),
        )

    def _is_too_soon(self, now_ns: int) -> bool:
        limit_hz = self.register.max_rate_hz
        if limit_hz is None or self._taken_at_ns is None:
            return False
        # A tenth early is no offence: else 10 Hz of a source that jitters around 10 Hz would become 5.
        return now_ns - self._taken_at_ns < 0.9 * NS_PER_S / limit_hz

    def _is_stale(self, outgoing: Outgoing) -> bool:
        limit_ms = self.register.deadline_ms
        if limit_ms is None or outgoing.received_ns is None:
            return False
        return self._clock.monotonic_ns() - outgoing.received_ns > limit_ms * NS_PER_MS


class RecordOutlet:
    """Every message once and in order: a window of unacknowledged messages over a spool shared by all recorders."""

    def __init__(self, register: Register, spool: Spool, last_counter: int) -> None:
        self.register = register
        self._spool = spool
        self._newest = last_counter
        self.acknowledged = last_counter
        self._sent_up_to = last_counter
        self._under_way: set[int] = set()
        self._next: int | None = None
        self._seen = self._sent = 0

    def resume(self, register: Register) -> int:
        """Take the consumer back after a silence: send again all after the last message it says it processed."""
        self.register = register
        self.acknowledged = max(self.acknowledged, min(register.resume_after, self._sent_up_to))
        self._sent_up_to = self.acknowledged
        self._under_way.clear()
        return self.acknowledged

    def offer(self, outgoing: Outgoing) -> None:
        """Note that the spool has one more for us."""
        self._seen += 1
        self._newest = outgoing.counter

    def next_message(self) -> list[bytes] | None:
        """Return what should be sent now; None: nothing, or the window is full."""
        if len(self._under_way) >= min(self.register.credit, MAX_RECORD_CREDIT):
            return None
        self._next = self._spool.first_after(self._sent_up_to)
        return None if self._next is None else self._spool.get(self._next)

    def sent(self) -> None:
        """Note that the message of `next_message` left."""
        assert self._next is not None
        self._sent_up_to = self._next
        self._under_way.add(self._next)
        self._sent += 1

    def credit(self, credit: Credit) -> None:
        """Note what the consumer has processed; a number it was never sent is ignored."""
        if credit.acknowledged <= self._sent_up_to:
            self.acknowledged = max(self.acknowledged, credit.acknowledged)
            self._under_way = {counter for counter in self._under_way if counter > self.acknowledged}

    def expect(self, awaited: Await) -> None:
        """Nothing to do: this consumer gets every result anyway."""

    @property
    def is_settled(self) -> bool:
        """Whether the consumer has acknowledged everything."""
        return self.acknowledged >= self._newest

    def status(self) -> ConsumerStatus:
        """Return the counts so far."""
        return ConsumerStatus(
            name=self.register.name,
            delivery="record",
            seen=self._seen,
            sent=self._sent,
            dropped=0,
            waiting=self._newest - self.acknowledged,
        )


Outlet = NewestOutlet | RecordOutlet
