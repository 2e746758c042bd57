"""Outlets: all registered consumers, who is to be sent what, and who is to be given up."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stentor.core.clock import NS_PER_S, Clock
from stentor.core.errors import RecordError
from stentor.publish.outgoing import Outgoing
from stentor.publish.outlet import NewestOutlet, Outlet, RecordOutlet
from stentor.publish.settings import PublishSettings
from stentor.publish.spool import Spool
from stentor.wire.command import ConsumerStatus
from stentor.wire.consumer import (
    Await,
    CutOff,
    FromConsumer,
    Leave,
    Register,
    Registered,
    ToConsumer,
    Unknown,
    Wish,
)

logger = logging.getLogger(__name__)

GIVE_UP_AFTER_S: Final = 10.0
FRESH_S: Final = 2.0


class Outlets:
    """Bookkeeping of consumers by socket identity; used by the hub's thread only."""

    def __init__(self, settings: PublishSettings, clock: Clock, *, epoch: str, folder: Path) -> None:
        self._clock = clock
        self._epoch = epoch
        self._settings = settings
        self._folder = folder
        self._spools: dict[Wish, Spool] = {}
        self._outlets: dict[str, Outlet] = {}
        self._identities: dict[str, bytes] = {}
        self._heard_at: dict[str, float] = {}
        self._last_counter = -1
        self._newest: Outgoing | None = None
        self.fault: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Names of the registered consumers."""
        return frozenset(self._outlets)

    def heed(self, identity: bytes, message: FromConsumer) -> ToConsumer | None:
        """Note what a consumer says and return the answer; None: none is due."""
        name = next((name for name, known in self._identities.items() if known == identity), None)
        if isinstance(message, Register):
            return self._register(identity, message)
        if name is None:
            return Unknown()
        self._heard_at[name] = time.monotonic()
        if isinstance(message, Leave):
            self.remove(name)
        elif isinstance(message, Await):
            self._outlets[name].expect(message)
        else:
            self._outlets[name].credit(message)
            self._release()
        return None

    def offer(self, outgoing: Outgoing, *, is_event: bool) -> None:
        """Give a message to every outlet that wants it."""
        self._last_counter = outgoing.counter
        self._newest = self._newest if is_event else outgoing
        kept: set[Wish] = set()
        for outlet in self._outlets.values():
            if isinstance(outlet, RecordOutlet):
                kept.add(outlet.register.wish)
                outlet.offer(outgoing)
            elif not is_event:
                outlet.offer(outgoing)
        for wish in kept:
            try:
                self._spools[wish].add(outgoing.counter, outgoing.parts(wish))
            except RecordError as err:
                if self.fault is None:
                    logger.error("%s", err)
                self.fault = str(err)
            else:
                self.fault = None

    def due(self) -> Iterator[tuple[bytes, Outlet]]:
        """Yield the consumers that might be sent something now."""
        for name, outlet in list(self._outlets.items()):
            yield self._identities[name], outlet

    def overflowing(self) -> list[tuple[bytes, CutOff]]:
        """Cut off the record consumers that are furthest behind while a spool is full."""
        cut = []
        for wish, spool in list(self._spools.items()):
            while spool.is_full:
                recorders = [o for o in self._recorders() if o.register.wish == wish]
                if not recorders:
                    spool.close()
                    break
                last = min(recorders, key=lambda outlet: outlet.acknowledged)
                reason = (
                    f"{last.register.name} was {spool.bytes_on_disk / 1e6:.0f} MB behind; raise publish.spool_disk_mb"
                )
                cut.append((self._identities[last.register.name], CutOff(reason)))
                self.remove(last.register.name)
        return cut

    def forget_silent(self) -> None:
        """Remove control and view consumers that have said nothing for `GIVE_UP_AFTER_S`; recorders may return."""
        now = time.monotonic()
        for name, outlet in list(self._outlets.items()):
            if isinstance(outlet, NewestOutlet) and now - self._heard_at[name] > GIVE_UP_AFTER_S:
                self.remove(name)

    def remove(self, name: str) -> None:
        """Forget a consumer and what only it waited for."""
        self._outlets.pop(name, None)
        self._identities.pop(name, None)
        self._heard_at.pop(name, None)
        self._release()

    def is_settled(self) -> bool:
        """Whether every record consumer heard from lately has acknowledged everything."""
        now = time.monotonic()
        return all(o.is_settled or now - self._heard_at[o.register.name] > GIVE_UP_AFTER_S for o in self._recorders())

    def status(self) -> tuple[ConsumerStatus, ...]:
        """Return the counts of every consumer."""
        return tuple(outlet.status() for outlet in self._outlets.values())

    def close(self) -> None:
        """Forget everything; may be called twice."""
        for spool in self._spools.values():
            spool.close()

    def _register(self, identity: bytes, register: Register) -> Registered:
        name = register.name
        known = self._outlets.get(name)
        self._identities[name] = identity
        self._heard_at[name] = time.monotonic()
        if register.delivery != "record":
            if not isinstance(known, NewestOutlet) or not known.serves(register):
                self._outlets[name] = NewestOutlet(register, self._clock)
                self._greet(self._outlets[name])
                self._release()
            return Registered(self._epoch, self._last_counter)
        if isinstance(known, RecordOutlet) and register.epoch == self._epoch and known.register.wish == register.wish:
            return Registered(self._epoch, known.resume(register))
        outlet = RecordOutlet(register, self._spool_for(register.wish), self._last_counter)
        self._outlets[name] = outlet
        self._release()
        return Registered(self._epoch, outlet.acknowledged)

    def _greet(self, outlet: Outlet) -> None:
        """Offer a new consumer the newest result if it is fresh: it may have been published while it was coming."""
        newest = self._newest
        if newest is None or newest.received_ns is None or not newest.has(outlet.register.wish):
            return
        if self._clock.monotonic_ns() - newest.received_ns < FRESH_S * NS_PER_S:
            outlet.offer(newest)

    def _recorders(self) -> list[RecordOutlet]:
        return [outlet for outlet in self._outlets.values() if isinstance(outlet, RecordOutlet)]

    def _spool_for(self, wish: Wish) -> Spool:
        if wish not in self._spools:
            self._spools[wish] = Spool(
                self._folder,
                memory_bytes=int(self._settings.spool_memory_mb * 1e6),
                disk_bytes=int(self._settings.spool_disk_mb * 1e6),
            )
        return self._spools[wish]

    def _release(self) -> None:
        for wish, spool in list(self._spools.items()):
            behind = [o.acknowledged for o in self._recorders() if o.register.wish == wish]
            if behind:
                spool.release(min(behind))
            else:
                spool.close()
                del self._spools[wish]
