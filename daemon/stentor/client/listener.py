"""Listener: receive results from the daemon of a rig, across its restarts."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self

import msgspec

from stentor.client.result import Result
from stentor.core.clock import Clock, age_ms
from stentor.core.errors import PublishError
from stentor.wire import consumer, message, platforms, rendezvous, sockets

REPEAT_EVERY_S: Final = 1.0
INTRODUCE_EVERY_S: Final = 0.02
RECORD_CREDIT: Final = 32
VIEW_SIDE_PX: Final = 1024
FAREWELL_MS: Final = 200
LONGEST_WAIT_S: Final = 3600.0


class Listener:
    """One registered consumer; used by one thread. Iterate over it, or call `receive`; `close` may be called twice.

    Iteration ends only by `close`, a cut-off (PublishError), or after `idle_timeout_s` without a result.

    Parameters
    ----------
    rig
        Name of the rig, as in its configuration.
    name
        Name of this consumer; None: a fresh one. A record consumer that wants to resume needs a name of its own.
    delivery
        "control": the newest result, late comers dropped. "record": every result exactly once and in order. "view":
        the newest, for eyes, with images no larger than a screen (`max_side_px`, 1024 unless told otherwise).
    images
        True: receive the label images and images that the plan computes. Names, as in `("frame", "labels")`: those,
        where "frame" is the camera's own. False: tables and scores only.
    max_side_px
        Have images brought down to at most this many rows and columns; see `Result.step`. None: full size.
    deadline_ms, max_rate_hz
        With "control" and "view": do not send what is older, or more than so many a second.
    idle_timeout_s
        End the iteration after so long without a result; None: wait for ever.
    """

    def __init__(
        self,
        rig: str = rendezvous.DEFAULT_NAME,
        *,
        name: str | None = None,
        delivery: consumer.Delivery = "control",
        images: bool | Sequence[str] = False,
        max_side_px: int | None = None,
        deadline_ms: float | None = None,
        max_rate_hz: float | None = None,
        idle_timeout_s: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._rig = rig
        self._clock = clock or platforms.system_clock()
        self._idle_timeout_s = idle_timeout_s
        self._register = consumer.Register(
            name=name or f"listener-{os.getpid()}-{uuid.uuid4().hex[:6]}",
            delivery=delivery,
            credit=RECORD_CREDIT if delivery == "record" else 1,
            images=images if isinstance(images, bool) else tuple(images),
            max_side_px=VIEW_SIDE_PX if delivery == "view" and max_side_px is None else max_side_px,
            deadline_ms=deadline_ms,
            max_rate_hz=max_rate_hz,
        )
        self._made_by = sockets.Sockets()
        self._is_closed = False
        self._socket: sockets.Socket | None = None
        self._token = b""
        self._epoch = ""
        self._last_counter = -1
        self._spoke_at = float("-inf")
        self._is_owing = False
        self._held: Result | None = None
        self._awaits: dict[tuple[tuple[str, int | str], ...], float] = {}
        self.is_registered = False
        self.malformed = 0
        self.events: list[message.EventHeader] = []

    def receive(self, timeout_s: float) -> Result | None:
        """Return the next result; None after `timeout_s`, also when there is no daemon yet.

        Raises
        ------
        PublishError
            If the daemon cut this consumer off; the message says why.
        """
        deadline = time.monotonic() + timeout_s
        held, self._held = self._held, None
        if held is not None:
            return held
        self._settle_debt()
        while True:
            self._keep_in_touch()
            left_s = deadline - time.monotonic()
            parts = self._next_parts(min(max(left_s, 0.0), 0.2))
            result = None if parts is None else self._read(parts)
            if result is not None:
                return result
            if left_s <= 0:
                return None

    def expect(self, axes: Mapping[str, int | str], for_s: float) -> None:
        """Have the first frame with these axes analysed and its result delivered, whatever newer ones come meanwhile.

        Parameters
        ----------
        axes
            Such as `{"t": 12, "p": 0}`, as the acquisition wrote them; t, c, z, p and channel also as derived.
        for_s
            Forget it after so long; at most an hour.
        """
        now_s, key, for_s = time.monotonic(), tuple(sorted(axes.items())), min(for_s, LONGEST_WAIT_S)
        self._awaits = {other: until_s for other, until_s in self._awaits.items() if until_s > now_s}
        self._awaits[key] = now_s + for_s
        self._say(consumer.Await(dict(key), for_s))

    def __iter__(self) -> Iterator[Result]:
        idle_since = time.monotonic()
        while not self._is_closed:
            result = self.receive(0.5)
            if result is not None:
                yield result
                idle_since = time.monotonic()
            elif self._idle_timeout_s is not None and time.monotonic() - idle_since > self._idle_timeout_s:
                return

    def wait_until_registered(self, timeout_s: float) -> bool:
        """Introduce this consumer now, where else the first `receive` does it; tells whether the daemon knows it.

        A result that comes meanwhile is kept for `receive`.
        """
        deadline_s = time.monotonic() + timeout_s
        while not self.is_registered and time.monotonic() < deadline_s:
            self._keep_in_touch()
            parts = self._next_parts(INTRODUCE_EVERY_S)
            result = None if parts is None else self._read(parts)
            if result is not None:
                self._held = result
        return self.is_registered

    def close(self) -> None:
        """Take leave and disconnect."""
        if self._is_closed:
            return
        self._is_closed = True
        self._settle_debt()
        self._say(consumer.Leave())
        if self._socket is not None:
            self._socket.close(linger_ms=FAREWELL_MS)
        self._made_by.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # --- inside ---------------------------------------------------------------------------------------------------

    def _keep_in_touch(self) -> None:
        """Follow the rendezvous, and repeat what the daemon must know: both are levels, so repetition is harmless."""
        now = time.monotonic()
        if now - self._spoke_at < (REPEAT_EVERY_S if self.is_registered else INTRODUCE_EVERY_S):
            return
        self._spoke_at = now
        found = rendezvous.find(self._rig)
        token = b"" if found is None else found.token.encode()
        if token != self._token:
            self._connect(found)
        if self.is_registered:
            self._say(consumer.Credit(self._last_counter))
        else:
            self._say(msgspec.structs.replace(self._register, epoch=self._epoch, resume_after=self._last_counter))

    def _connect(self, found: rendezvous.Rendezvous | None) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self.is_registered = False
        self._token = b""
        if found is not None:
            self._token = found.token.encode()
            self._socket = self._made_by.connect(
                found.endpoints.results, max_bytes=sockets.MAX_RESULT_BYTES, depth=sockets.RECEIVE_DEPTH
            )

    def _say(self, said: consumer.FromConsumer) -> None:
        if self._socket is not None:
            self._socket.send([self._token, consumer.encode(said)])  # if that fails it is said again soon

    def _settle_debt(self) -> None:
        """Tell the daemon that the last result has been worked on."""
        if self._is_owing:
            self._is_owing = False
            self._say(consumer.Credit(self._last_counter))

    def _repeat_awaits(self) -> None:
        now_s = time.monotonic()
        for key, until_s in self._awaits.items():
            if until_s > now_s:
                self._say(consumer.Await(dict(key), until_s - now_s))

    def _next_parts(self, timeout_s: float) -> list[bytes] | None:
        if self._socket is None:
            time.sleep(min(timeout_s, 0.05))
            return None
        self._socket.wait(timeout_s)
        return self._socket.receive()

    def _read(self, parts: list[bytes]) -> Result | None:
        if len(parts) == 1:
            self._heed(parts[0])
            return None
        try:
            header, findings = message.decode(parts)
        except message.MalformedMessage:
            self.malformed += 1
            return None
        if self._register.delivery == "record" and not self._is_next(header):
            return None
        self._last_counter = header.counter
        self._is_owing = True
        if isinstance(header, message.EventHeader):
            self.events = [*self.events[-99:], header]
            self._settle_debt()
            return None
        self._awaits = {key: until for key, until in self._awaits.items() if not header.frame.has_axes(dict(key))}
        received_ns = header.times.received or header.frame.received_ns
        return Result(header, findings, age_ms(received_ns, header.frame.clock_id, self._clock))

    def _is_next(self, header: message.Header) -> bool:
        if header.epoch == self._epoch and header.counter > self._last_counter + 1:
            self.is_registered = False  # the connection lost some: have them sent again
            self._spoke_at = float("-inf")
            return False
        return header.epoch == self._epoch and header.counter > self._last_counter

    def _heed(self, raw: bytes) -> None:
        try:
            answer = consumer.decode_to_consumer(raw)
        except msgspec.DecodeError:
            self.malformed += 1
            return
        match answer:
            case consumer.Registered(epoch, resumed_after):
                if epoch != self._epoch:
                    self._epoch, self._last_counter = epoch, resumed_after
                if not self.is_registered:  # a daemon that did not know this consumer knows of no wish
                    self._repeat_awaits()
                self.is_registered = True
            case consumer.Unknown():
                self.is_registered = False
                self._spoke_at = float("-inf")
            case consumer.CutOff(reason):
                raise PublishError(f"the daemon cut this consumer off: {reason}")


def listen(rig: str = rendezvous.DEFAULT_NAME, **options: Any) -> Iterator[Result]:
    """Yield results as they come; see `Listener` for the options. Ends with the loop that uses it."""
    with Listener(rig, **options) as listener:
        yield from listener
