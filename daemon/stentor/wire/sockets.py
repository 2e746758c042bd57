"""Sockets: ZeroMQ with bounds on everything, on the loopback address only; nobody else imports zmq.

A `Socket` never waits: what cannot be sent or received now is not. It belongs to one thread.
"""

import socket as plain_socket
from collections.abc import Sequence
from typing import Any, Final

import zmq

from stentor.core.errors import PublishError

LOOPBACK: Final = "127.0.0.1"
MAX_CONTROL_BYTES: Final = 1 << 20
MAX_RESULT_BYTES: Final = 1 << 28
RECEIVE_DEPTH: Final = 64


class Socket:
    """One end of a conversation, in multipart messages.

    Attributes
    ----------
    endpoint
        Where it is bound or connected.
    """

    def __init__(self, raw: "zmq.Socket[bytes]", endpoint: str) -> None:
        self._raw = raw
        self.endpoint = endpoint

    def send(self, parts: Sequence[bytes]) -> bool:
        """Send now; False: the queue is full, or the peer is gone or not there yet."""
        try:
            self._raw.send_multipart(parts, zmq.NOBLOCK)
        except zmq.ZMQError:  # EAGAIN, or EHOSTUNREACH from a socket that serves by identity
            return False
        return True

    def receive(self) -> list[bytes] | None:
        """Return a message that has come; None: none has."""
        try:
            return self._raw.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def wait(self, timeout_s: float) -> bool:
        """Wait until a message has come; tells whether one has."""
        return bool(self._raw.poll(int(timeout_s * 1000)))

    def close(self, *, linger_ms: int = 0) -> None:
        """Disconnect, trying for `linger_ms` to send what is queued; may be called twice."""
        self._raw.close(linger=linger_ms)


class Sockets:
    """Makes the sockets of one process part and closes them all; `close` may be called twice."""

    def __init__(self) -> None:
        self._context: zmq.Context[Any] = zmq.Context()

    def serve(self, *, port: int = 0, depth: int) -> Socket:
        """Bind a socket that answers many peers by identity: messages are [identity, *parts] both ways.

        Parameters
        ----------
        port
            On 127.0.0.1; 0: the system chooses.
        depth
            Messages queued for one peer before `send` refuses.

        Raises
        ------
        PublishError
            If the port is taken.
        """
        raw = self._make(zmq.ROUTER, max_bytes=MAX_CONTROL_BYTES, depth=depth)
        raw.setsockopt(zmq.ROUTER_MANDATORY, 1)
        return _bound(raw, port)

    def broadcast(self, *, port: int = 0, depth: int) -> Socket:
        """Bind a socket that sends to whoever listens, best effort. Raises PublishError as `serve` does."""
        return _bound(self._make(zmq.PUB, max_bytes=MAX_CONTROL_BYTES, depth=depth), port)

    def connect(self, endpoint: str, *, depth: int, max_bytes: int = MAX_CONTROL_BYTES) -> Socket:
        """Connect to a served socket; queues only to a living peer. A larger message part ends the connection."""
        raw = self._make(zmq.DEALER, max_bytes=max_bytes, depth=depth)
        raw.setsockopt(zmq.IMMEDIATE, 1)
        raw.setsockopt(zmq.RECONNECT_IVL, 50)
        raw.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        raw.connect(endpoint)
        return Socket(raw, endpoint)

    def close(self) -> None:
        """Close every socket at once and end ZeroMQ's threads."""
        self._context.destroy(linger=0)

    def _make(self, kind: int, *, max_bytes: int, depth: int) -> "zmq.Socket[bytes]":
        raw: zmq.Socket[bytes] = self._context.socket(kind)
        raw.setsockopt(zmq.LINGER, 0)
        raw.setsockopt(zmq.MAXMSGSIZE, max_bytes)
        raw.setsockopt(zmq.SNDHWM, depth)
        raw.setsockopt(zmq.RCVHWM, max(depth, RECEIVE_DEPTH))
        return raw


class Waiter:
    """Waits for a message on any of several sockets, or for a wake-up from another thread."""

    def __init__(self, *waited_for: Socket) -> None:
        self._woken, self._waker = plain_socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._poller = zmq.Poller()
        for one in waited_for:
            self._poller.register(one._raw, zmq.POLLIN)
        self._poller.register(self._woken, zmq.POLLIN)

    def wait(self, timeout_s: float) -> None:
        """Wait until something has come, `wake` was called, or the time is over."""
        self._poller.poll(int(timeout_s * 1000))
        try:
            while self._woken.recv(4096):
                pass
        except OSError:
            return

    def wake(self) -> None:
        """End the wait; from any thread, also after `close`."""
        try:
            self._waker.send(b".")
        except OSError:  # enough wake-ups are under way, or nobody waits any more
            return

    def close(self) -> None:
        """Let go; may be called twice."""
        self._woken.close()
        self._waker.close()


def _bound(raw: "zmq.Socket[bytes]", port: int) -> Socket:
    try:
        raw.bind(f"tcp://{LOOPBACK}:{port or '*'}")
    except zmq.ZMQError as err:
        raw.close()
        raise PublishError(
            f"port {port} on {LOOPBACK} cannot be bound: {err}; choose another, or 0 for a free one"
        ) from err
    return Socket(raw, raw.getsockopt_string(zmq.LAST_ENDPOINT))
