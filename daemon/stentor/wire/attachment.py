"""Attachment: a producer's connection to whichever daemon is alive now."""

import hmac
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from stentor.core.stage import FrameSpec
from stentor.wire import link, rendezvous, sockets

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.2
SEND_DEPTH: Final = 8


class Attachment:
    """Looks for the rig's daemon, connects, introduces itself, and notices when the daemon is another one.

    Used by one thread, the producer's. Nothing here waits: a message that cannot be sent now is not sent.
    """

    def __init__(self, rig: str) -> None:
        self._rig = rig
        self._socket: sockets.Socket | None = None
        self._token = b""
        self._looked_at = float("-inf")
        self.is_attached = False
        self.denied: str | None = None

    @property
    def is_hopeful(self) -> bool:
        """Whether there is a daemon that takes frames, or will as soon as the connection stands."""
        return self._socket is not None and self.denied is None

    def introduce(
        self, stream: str, source: str, spec: FrameSpec, runs: tuple[link.RunAccount, ...], *, is_lossless: bool
    ) -> link.Attach:
        """Build the first message of a connection."""
        return link.Attach(
            stream=stream,
            pid=os.getpid(),
            source=source,
            spec=spec,
            protocol=rendezvous.PROTOCOL_VERSION,
            runs=runs,
            is_lossless=is_lossless,
        )

    def refresh(self, made_by: sockets.Sockets, introduction: Callable[[], link.Attach]) -> None:
        """Follow the rendezvous file, at most every `LOOK_EVERY_S`, and attach as soon as the connection stands."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._follow(made_by)
        if self._socket is not None and not self.is_attached and self.denied is None:
            self.is_attached = self._send(introduction())
            if self.is_attached:
                logger.info("attached to the daemon of rig %s", self._rig)

    def send(self, message: link.ToDaemon) -> bool:
        """Send now or not at all; tells which."""
        return self.is_attached and self._send(message)

    def received(self) -> Iterator[link.ToProducer]:
        """Yield what the daemon has said since."""
        while self._socket is not None:
            parts = self._socket.receive()
            if parts is None:
                return
            try:
                message = link.decode_to_producer(parts[0])
            except msgspec.DecodeError:
                continue
            if isinstance(message, link.Denied):
                self.denied = message.reason
                self.is_attached = False
            yield message

    def close(self) -> None:
        """Disconnect; may be called twice."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self.is_attached = False

    def _follow(self, made_by: sockets.Sockets) -> None:
        found = rendezvous.find(self._rig)
        token = b"" if found is None else found.token.encode()
        if hmac.compare_digest(token, self._token):
            return
        if self.is_attached:
            logger.warning("the daemon of rig %s is gone; frames go on and are counted", self._rig)
        self.close()
        self._token = token
        self.denied = None
        if found is not None and found.protocol != rendezvous.PROTOCOL_VERSION:
            self.denied = rendezvous.mismatch(found.protocol, found.version)
            logger.error("the daemon of rig %s cannot take frames from here: %s", self._rig, self.denied)
        elif found is not None:
            self._socket = made_by.connect(found.endpoints.frames, depth=SEND_DEPTH)

    def _send(self, message: link.ToDaemon) -> bool:
        return self._socket is not None and self._socket.send([self._token, link.encode(message)])
