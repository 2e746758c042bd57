"""Commands: ask a running daemon something and wait for its answer."""

import time
import uuid
from typing import Final, Literal

import msgspec

from stentor.core.errors import PublishError
from stentor.wire import command, rendezvous, sockets

LOOK_EVERY_S: Final = 0.01


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
    made_by = sockets.Sockets()
    try:
        socket = made_by.connect(found.endpoints.commands, depth=4)
        asked = [found.token.encode(), command.encode(command.Command(id=uuid.uuid4().hex, verb=verb))]
        deadline = time.monotonic() + timeout_s
        is_asked = False
        while time.monotonic() < deadline:
            is_asked = is_asked or socket.send(asked)
            socket.wait(LOOK_EVERY_S)
            if (parts := socket.receive()) is not None:
                return command.decode_answer(parts[0])
    except msgspec.DecodeError as err:
        raise PublishError(f"the daemon of rig {rig!r} answered in another version: {err}") from err
    finally:
        made_by.close()
    raise PublishError(f"the daemon of rig {rig!r} (process {found.pid}) gave no answer in {timeout_s} s")
