"""Sockets: ZeroMQ sockets with bounds on everything, bound to the loopback address only."""

from typing import Any, Final

import zmq

from stentor.core.errors import PublishError

LOOPBACK: Final = "127.0.0.1"
MAX_CONTROL_BYTES: Final = 1 << 20
MAX_RESULT_BYTES: Final = 1 << 28

Socket = zmq.Socket[bytes]


def bind(context: "zmq.Context[Any]", kind: int, *, port: int = 0, max_bytes: int, depth: int) -> tuple[Socket, str]:
    """Bind a socket on 127.0.0.1 and return it with its endpoint.

    Parameters
    ----------
    port
        0: the system chooses.
    max_bytes
        A peer that sends a larger message part is disconnected.
    depth
        High-water mark of both directions, in messages.

    Raises
    ------
    PublishError
        If the port is taken.
    """
    socket = _bounded(context, kind, max_bytes=max_bytes, depth=depth)
    if kind == zmq.ROUTER:
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    try:
        socket.bind(f"tcp://{LOOPBACK}:{port or '*'}")
    except zmq.ZMQError as err:
        socket.close()
        raise PublishError(
            f"port {port} on {LOOPBACK} cannot be bound: {err}; choose another or leave it 0 for a free one"
        ) from err
    return socket, socket.getsockopt_string(zmq.LAST_ENDPOINT)


def connect(context: "zmq.Context[Any]", kind: int, endpoint: str, *, max_bytes: int, depth: int) -> Socket:
    """Connect a socket that queues only to a living peer (IMMEDIATE) and forgets what is unsent at close."""
    socket = _bounded(context, kind, max_bytes=max_bytes, depth=depth)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
    socket.connect(endpoint)
    return socket


def _bounded(context: "zmq.Context[Any]", kind: int, *, max_bytes: int, depth: int) -> Socket:
    socket: Socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, max_bytes)
    socket.setsockopt(zmq.SNDHWM, depth)
    socket.setsockopt(zmq.RCVHWM, max(depth, 64))
    return socket
