"""Request: how actions travel to the scope, and its receipts back."""

import time
from typing import Final

import msgspec

from stentor.core.action import (
    Acquire,
    Action,
    Alive,
    Describe,
    Disarm,
    MoveXY,
    MoveZ,
    Pause,
    Receipt,
    Request,
    SetChannel,
    SetExposure,
    SetInterval,
    SetPositions,
    SetProperty,
    SetRoi,
)
from stentor.core.errors import PublishError
from stentor.wire import rendezvous, sockets

encode: Final = msgspec.msgpack.Encoder().encode
_decode_request: Final = msgspec.msgpack.Decoder(Request).decode
decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode

DEPTH: Final = 64
UNREADABLE: Final = "request"
"""Rule by which a request is refused that cannot be decoded."""

FIND_AGAIN_S: Final = 0.1


class Sender(msgspec.Struct, frozen=True):
    """Who asks, of a request whose rest may be anything."""

    class Cause(msgspec.Struct, frozen=True):
        """What of a cause is read."""

        controller: str

    id: str
    cause: Cause


_decode_sender: Final = msgspec.msgpack.Decoder(Sender).decode


def read_sender(packed: bytes) -> Sender | None:
    """Read who asks, and under which id, of what `decode_request` did not take; None: not even that can be read."""
    try:
        return _decode_sender(packed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_request(packed: bytes) -> Request:
    """Read a request; whatever is wrong with it is a DecodeError."""
    try:
        request = _decode_request(packed)
        if isinstance(request.action, Acquire):
            # Mappings by lists, foreign types and a thousand levels are no events, and no log could keep them.
            msgspec.json.encode(request.action)
    except (UnicodeDecodeError, RecursionError, TypeError) as err:
        raise msgspec.DecodeError(str(err)) from err
    return request


def scope_name(rig: str) -> str:
    """Return the name under which the scope of a rig is announced, beside its daemon."""
    return f"{rig}.scope"


RESENT: Final = (
    SetExposure, SetInterval, SetChannel, SetProperty, SetRoi, SetPositions, Pause, Disarm, Alive, Describe,
)  # fmt: skip
"""What says how things are to be; of moves, the absolute ones are added."""


def may_be_resent(action: Action) -> bool:
    """Tell whether an action may be asked of a scope that was started again.

    It does no more when it is done twice, and does not end or push on a run that it was not meant for.
    """
    if isinstance(action, (MoveXY, MoveZ)):
        return not action.is_relative
    return isinstance(action, RESENT)


class ScopeLink:
    """A way to the scope of a rig; finds it again after a restart. Belongs to one thread; `close` may be repeated."""

    def __init__(self, rig: str = rendezvous.DEFAULT_NAME) -> None:
        self._rig = rig
        self._made_by = sockets.Sockets()
        self._found: rendezvous.Rendezvous | None = None
        self._socket: sockets.Socket | None = None

    def ask(self, request: Request, timeout_s: float) -> Receipt:
        """Send a request and wait for its receipt.

        When the scope is started again meanwhile, what `may_be_resent` is sent to the new one.

        Raises
        ------
        PublishError
            If no scope of that rig is alive, it does not answer in time, or it was started again with a request under
            way that must not be done twice: whether it was carried out is then not known. Asking the same scope again
            with the same id tells; a new one knows no ids of the old one's.
        """
        deadline_s = time.monotonic() + timeout_s
        is_sent = False
        while True:
            socket = self._connected(deadline_s)
            found = self._found
            assert found is not None
            is_sent = is_sent or socket.send([found.token.encode(), encode(request)])
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise PublishError(
                    f"the scope of rig {self._rig!r} gave no answer to {request.id} in {timeout_s:g} s; ask again with "
                    "the same id to learn whether it was done"
                )
            socket.wait(min(left_s, FIND_AGAIN_S if is_sent else 0.005))
            while (parts := socket.receive()) is not None:
                receipt = self._read(parts)
                if receipt is not None and receipt.id == request.id:
                    return receipt
            if self._has_moved() and is_sent:
                if not may_be_resent(request.action):
                    raise PublishError(
                        f"the scope of rig {self._rig!r} was started again before it answered {request.id}: whether it "
                        "was done is not known; look how the microscope stands, and ask under a new id"
                    )
                is_sent = False

    def tell(self, request: Request) -> bool:
        """Send a request and wait for nothing; False: there is no scope, or its queue is full."""
        self._has_moved()
        try:
            socket = self._connected(time.monotonic())
        except PublishError:
            return False
        while socket.receive() is not None:  # answers to what was told before
            pass
        assert self._found is not None
        return bool(socket.send([self._found.token.encode(), encode(request)]))

    def close(self) -> None:
        """Let go."""
        self._made_by.close()

    def _read(self, parts: list[bytes]) -> Receipt | None:
        try:
            return decode_receipt(parts[0])
        except msgspec.DecodeError as err:
            raise PublishError(f"the scope of rig {self._rig!r} answered in another version: {err}") from err

    def _connected(self, deadline_s: float) -> sockets.Socket:
        while self._socket is None:
            self._found = rendezvous.find(scope_name(self._rig))
            if self._found is not None:
                if self._found.protocol != rendezvous.PROTOCOL_VERSION:
                    raise PublishError(rendezvous.mismatch(self._found.protocol, self._found.version))
                self._socket = self._made_by.connect(self._found.endpoints.commands, depth=DEPTH)
            elif time.monotonic() > deadline_s:
                raise PublishError(
                    f"no microscope of rig {self._rig!r} takes requests; start one with `stentor run` and wait for its "
                    "first image, or give its name"
                )
            else:
                time.sleep(0.02)
        return self._socket

    def _has_moved(self) -> bool:
        found = rendezvous.find(scope_name(self._rig))
        if found is None or self._found is None or found.token == self._found.token or self._socket is None:
            return False
        self._socket.close()
        self._socket = None
        return True
