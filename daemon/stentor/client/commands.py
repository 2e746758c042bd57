"""Commands: ask a running daemon something and wait for its answer."""

import uuid
from typing import Any, Literal

import msgspec
import zmq

from stentor.core.errors import PublishError
from stentor.wire import command, rendezvous, sockets


def ask(
    verb: Literal["status", "pause", "resume", "stop", "stop-daemon"],
    rig: str = rendezvous.DEFAULT_NAME,
    *,
    timeout_s: float = 3.0,
) -> command.Answer:
    """Send one command and return the daemon's answer.

    Raises
    ------
    PublishError
        If no daemon of that rig is alive, or it does not answer in time.
    """
    found = rendezvous.find(rig)
    if found is None:
        raise PublishError(f"no daemon of rig {rig!r} is running; start one with `stentor run`, or give its --name")
    context: zmq.Context[Any] = zmq.Context()
    socket = sockets.connect(
        context, zmq.DEALER, found.endpoints.commands, max_bytes=sockets.MAX_CONTROL_BYTES, depth=4
    )
    try:
        socket.setsockopt(zmq.SNDTIMEO, int(timeout_s * 1000))
        socket.setsockopt(zmq.RCVTIMEO, int(timeout_s * 1000))
        asked = command.Command(id=uuid.uuid4().hex, verb=verb)
        socket.send_multipart([found.token.encode(), command.encode(asked)])
        return command.decode_answer(socket.recv())
    except zmq.Again:
        raise PublishError(f"the daemon of rig {rig!r} (process {found.pid}) gave no answer in {timeout_s} s") from None
    except msgspec.DecodeError as err:
        raise PublishError(f"the daemon of rig {rig!r} answered in another version: {err}") from err
    finally:
        socket.close()
        context.term()
