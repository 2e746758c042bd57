"""Hub: the one thread that owns the results, broadcast and command sockets."""

import hmac
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import structs

from stentor.core.clock import NS_PER_MS, NS_PER_S, Clock
from stentor.core.doors import DoorTimes
from stentor.core.errors import PublishError
from stentor.core.finding import Events, Image
from stentor.core.outcome import Late, Result
from stentor.publish.outgoing import Outgoing
from stentor.publish.outlet import Outlet
from stentor.publish.outlets import Outlets
from stentor.publish.publication import Publication, events_of
from stentor.publish.settings import PublishSettings
from stentor.wire import command, consumer, message, sockets

logger = logging.getLogger(__name__)

POLL_S: Final = 0.02
DEPTH: Final = 4
COMMAND_DEPTH: Final = 64
WAITING: Final = 64


class Hub:
    """`start`, then `publish` and `announce` from any thread, at last `stop` (may be called twice).

    Parameters
    ----------
    epoch
        Names this start of the daemon.
    folder
        Where messages spill that nobody takes.
    on_command
        Carries out a command in the hub's thread; must not wait.
    on_await
        Told, in the hub's thread, which frames consumers wait for.

    Raises
    ------
    PublishError
        If a port is taken.
    """

    def __init__(
        self,
        made_by: sockets.Sockets,
        settings: PublishSettings,
        clock: Clock,
        *,
        token: str,
        epoch: str,
        folder: Path,
        on_command: Callable[[command.Command], command.Answer],
        on_await: Callable[[consumer.Await], None] = lambda awaited: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._token = token.encode()
        self._epoch = epoch
        self._on_command = on_command
        self._on_await = on_await
        self._results = made_by.serve(port=settings.results_port, depth=DEPTH)
        self._broadcast = made_by.broadcast(port=settings.broadcast_port, depth=DEPTH)
        self._commands = made_by.serve(port=settings.commands_port, depth=COMMAND_DEPTH)
        self.results_endpoint = self._results.endpoint
        self.broadcast_endpoint = self._broadcast.endpoint
        self.commands_endpoint = self._commands.endpoint
        self._outlets = Outlets(settings, clock, epoch=epoch, folder=folder)
        self._waiting: queue.Queue[Publication | message.EventHeader] = queue.Queue(WAITING)
        self._waiter = sockets.Waiter(self._results, self._commands)
        self._counter = 0
        self._turned_ns = clock.monotonic_ns()
        self._stopping = threading.Event()
        self.ignored_messages = 0
        self._thread = threading.Thread(target=self._serve, name="hub", daemon=True)

    @property
    def consumer_names(self) -> frozenset[str]:
        """Names of the registered consumers."""
        return self._outlets.names

    @property
    def fault(self) -> str | None:
        """What is wrong with the spool; None: nothing."""
        return self._outlets.fault

    def consumers(self) -> tuple[command.ConsumerStatus, ...]:
        """Return the counts of every consumer."""
        return self._outlets.status()

    @property
    def silent_s(self) -> float:
        """Seconds since the hub's thread last went round."""
        return (self._clock.monotonic_ns() - self._turned_ns) / NS_PER_S

    def start(self) -> None:
        """Begin to serve."""
        self._turned_ns = self._clock.monotonic_ns()
        self._thread.start()

    def publish(self, publication: Publication, timeout_s: float = 5.0) -> None:
        """Queue a result; waits for room.

        Raises
        ------
        PublishError
            If there is none for `timeout_s`: the hub's thread has died or hangs.
        """
        try:
            self._waiting.put(publication, timeout=timeout_s)
        except queue.Full:
            raise PublishError(f"the publisher has taken nothing for {timeout_s} s") from None
        self._waiter.wake()

    def announce(self, kind: str, text: str, **data: str | int | float) -> None:
        """Queue an event; dropped with a log line when the publisher is hopelessly behind."""
        header = self._event_header(kind, text, data)
        try:
            self._waiting.put_nowait(header)
        except queue.Full:
            logger.warning("event %s was not published: %s", kind, text)
        self._waiter.wake()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Publish what waits, give recorders until `timeout_s` to acknowledge, and close the sockets."""
        if self._stopping.is_set():
            return
        self._linger_until_ns = self._clock.monotonic_ns() + int(timeout_s * 1e9)
        self._stopping.set()
        self._waiter.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s + 1)
        for socket in (self._results, self._broadcast, self._commands):
            socket.close()
        self._outlets.close()
        self._waiter.close()

    # --- the hub's thread -----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._is_done():
            self._turned_ns = self._clock.monotonic_ns()
            self._waiter.wait(POLL_S)
            self._heed_consumers()
            self._publish_waiting()
            self._send_due()
            self._obey_commands()
            self._outlets.forget_silent()

    def _is_done(self) -> bool:
        if not self._stopping.is_set():
            return False
        if self._clock.monotonic_ns() > self._linger_until_ns:
            return True
        return self._waiting.empty() and self._outlets.is_settled()

    def _publish_waiting(self) -> None:
        for _ in range(WAITING):
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, Publication):
                self._publish_result(item)
            else:
                self._broadcast_all(self._event(item), is_event=True)
            self._send_due()
            for identity, cut_off in self._outlets.overflowing():
                self._answer(identity, cut_off)
                logger.warning("a record consumer is cut off: %s", cut_off.reason)
                self.announce("consumer-cut-off", cut_off.reason)

    def _publish_result(self, publication: Publication) -> None:
        times = structs.replace(publication.times, published=self._clock.monotonic_ns())
        outcome = self._outcome(publication, times.published or 0)
        outgoing = self._result(publication, outcome, times)
        self._broadcast_all(outgoing, is_event=False)
        outgoing.forget_findings()
        for event in events_of(publication.header.frame_id, publication.findings):
            self._broadcast_all(self._event(self._event_header(*event)), is_event=True)
        publication.on_published(outcome, times)

    def _broadcast_all(self, outgoing: Outgoing, *, is_event: bool) -> None:
        self._outlets.offer(outgoing, is_event=is_event)
        self._broadcast.send(outgoing.parts(consumer.NO_IMAGES))

    def _event_header(self, kind: str, text: str, data: dict[str, str | int | float]) -> message.EventHeader:
        return message.EventHeader(
            epoch=self._epoch, counter=-1, kind=kind, text=text, wall_ns=self._clock.wall_ns(), data=data
        )

    def _event(self, header: message.EventHeader) -> Outgoing:
        return Outgoing.event(self._counter, structs.replace(header, counter=self._next_counter()))

    def _result(self, publication: Publication, outcome: Result | Late, times: DoorTimes) -> Outgoing:
        counter = self._next_counter()
        happened = [found for found in publication.findings.values() if isinstance(found, Events)]
        events = tuple(event for found in happened for event in found.events)

        def make_header(**variant: Any) -> message.ResultHeader:
            return message.ResultHeader(
                epoch=self._epoch,
                counter=counter,
                frame=publication.header,
                members=publication.members,
                outcome="late" if isinstance(outcome, Late) else "result",
                times=times,
                stage_ms=publication.stage_ms,
                models=publication.models,
                events=events,
                **variant,
            )

        findings = {**publication.findings, message.FRAME: Image(publication.pixels, "counts")}
        return Outgoing(counter, make_header, findings, publication.times.received, publication.header)

    def _outcome(self, publication: Publication, published_ns: int) -> Result | Late:
        limit_ms = self._settings.deadline_ms
        received_ns = publication.times.received
        if limit_ms is None or received_ns is None:
            return Result()
        return Late() if (published_ns - received_ns) / NS_PER_MS > limit_ms else Result()

    def _next_counter(self) -> int:
        self._counter += 1
        return self._counter - 1

    def _send_due(self) -> None:
        for identity, outlet in self._outlets.due():
            self._send_all_to(identity, outlet)

    def _send_all_to(self, identity: bytes, outlet: Outlet) -> None:
        while (parts := outlet.next_message()) is not None:
            if not self._results.send([identity, *parts]):
                return
            outlet.sent()

    def _heed_consumers(self) -> None:
        while (parts := self._results.receive()) is not None:
            if len(parts) != 3 or not hmac.compare_digest(parts[1], self._token):
                self.ignored_messages += 1
                continue
            try:
                said = consumer.decode_from_consumer(parts[2])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.ignored_messages += 1
                continue
            if isinstance(said, consumer.Await):
                self._on_await(said)
            answer = self._outlets.heed(parts[0], said)
            if answer is not None:
                self._answer(parts[0], answer)

    def _answer(self, identity: bytes, answer: consumer.ToConsumer) -> None:
        self._results.send([identity, consumer.encode(answer)])

    def _obey_commands(self) -> None:
        while (parts := self._commands.receive()) is not None:
            if len(parts) != 3 or not hmac.compare_digest(parts[1], self._token):
                self.ignored_messages += 1
                continue
            try:
                asked = command.decode_command(parts[2])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.ignored_messages += 1
                continue
            self._commands.send([parts[0], command.encode(self._on_command(asked))])
