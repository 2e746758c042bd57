"""Door: nonsense, floods and raising parts cost nobody else the answer."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.core.action import Cause, Pause, Receipt, Request
from stentor.core.clock import FakeClock
from stentor.scope.door import Door
from stentor.wire import platforms, rendezvous, sockets
from stentor.wire.request import ScopeLink, encode, scope_name


class EchoDesk:
    """Answers everything at once, and remembers whether it was told to watch."""

    def __init__(self) -> None:
        self.watched = threading.Event()

    def take(self, request: Request, reply: Any) -> None:
        if request.id == "raise":
            raise OverflowError("what nobody thought of")
        reply(receipt_of(request))

    def watch(self) -> None:
        self.watched.set()


def receipt_of(request: Request) -> Receipt:
    return Receipt(id=request.id, verdict="done", received_ns=0, clock_id="fake")


def asked(id: str) -> Request:
    return Request(id=id, action=Pause(), cause=Cause(controller="script"), issued_ns=0, clock_id="fake")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EchoDesk:
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(tmp_path))
    return EchoDesk()


@pytest.fixture
def door(desk: EchoDesk) -> Iterator[Door]:
    door = Door(desk, FakeClock(), rig="rig")  # type: ignore[arg-type]
    door.open()
    yield door
    door.close()


def connected() -> tuple[sockets.Sockets, sockets.Socket, bytes]:
    found = rendezvous.find(scope_name("rig"))
    assert found is not None
    made_by = sockets.Sockets()
    return made_by, made_by.connect(found.endpoints.commands, depth=1000), found.token.encode()


@pytest.mark.parametrize("nonsense", [b"\xa1\xff", b"\x81\xa1a" * 100_000, encode(asked("raise"))])
def test_after_nonsense_the_next_request_is_answered(door: Door, nonsense: bytes) -> None:
    made_by, socket, token = connected()
    while not socket.send([token, nonsense]):
        pass

    link = ScopeLink("rig")
    receipt = link.ask(asked("next"), timeout_s=5.0)

    assert receipt.id == "next"
    link.close()
    made_by.close()


def test_a_flood_keeps_nobody_from_watching_for_silence(door: Door, desk: EchoDesk) -> None:
    # More and more comes: a socket that never runs empty, as under a flood that is faster than it is read.
    door._socket.receive = lambda: [b"somebody", b"no token", b""]  # type: ignore[method-assign]
    door._waiter.wake()
    desk.watched.clear()

    assert desk.watched.wait(5.0)
