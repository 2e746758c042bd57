"""Door: nonsense, floods and raising parts cost nobody else the answer."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from stentor.core.action import (
    Abort,
    Acquire,
    Action,
    Cause,
    Extend,
    GoOn,
    MoveXY,
    MoveZ,
    Pause,
    PulseShutter,
    Receipt,
    Request,
    Resume,
    SetRoi,
)
from stentor.core.clock import FakeClock
from stentor.core.errors import PublishError
from stentor.scope.door import Door
from stentor.wire import platforms, rendezvous, sockets
from stentor.wire.request import ScopeLink, encode, scope_name


class EchoDesk:
    """Answers everything at once, or nothing, and remembers whether it was told to watch."""

    def __init__(self, *, is_mute: bool = False) -> None:
        self.is_mute = is_mute
        self.asked: list[str] = []
        self.watched = threading.Event()

    def take(self, request: Request, reply: Any) -> None:
        self.asked.append(request.id)
        if request.id == "raise":
            raise OverflowError("what nobody thought of")
        if self.is_mute:
            return
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


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (SetRoi(width_px=0, height_px=0), "Expected `int` >= 1 - at `$.action.width_px`"),
        (Extend(time_points=-3), "Expected `int` >= 1 - at `$.action.time_points`"),
        (Acquire(place="nxt"), "did you mean 'next'?"),  # type: ignore[arg-type]
    ],
)
def test_what_no_request_may_hold_is_refused_at_once(door: Door, action: Action, words: str) -> None:
    # It was dropped: the script waited for 5 s, and was told that the scope gave no answer.
    link = ScopeLink("rig")

    receipt = link.ask(structs.replace(asked("wrong"), action=action), timeout_s=5.0)

    assert (receipt.verdict, receipt.rule) == ("refused", "request")
    assert words in receipt.text
    assert door.ignored_messages == 0
    link.close()


def test_a_flood_keeps_nobody_from_watching_for_silence(door: Door, desk: EchoDesk) -> None:
    # More and more comes: a socket that never runs empty, as under a flood that is faster than it is read.
    door._socket.receive = lambda: [b"somebody", b"no token", b""]  # type: ignore[method-assign]
    door._waiter.wake()
    desk.watched.clear()

    assert desk.watched.wait(5.0)


def asked_across_a_restart(action: Action) -> tuple[EchoDesk, list[Any]]:
    """Ask a scope that dies before it answers; returns the desk of its successor, and what the asker heard."""
    first, second = EchoDesk(is_mute=True), EchoDesk()
    heard: list[Any] = []
    request = Request(id="once", action=action, cause=Cause(controller="script"), issued_ns=0, clock_id="fake")

    def ask() -> None:
        link = ScopeLink("rig")
        try:
            heard.append(link.ask(request, timeout_s=10.0))
        except PublishError as err:
            heard.append(err)
        link.close()

    dying = Door(first, FakeClock(), rig="rig")  # type: ignore[arg-type]
    dying.open()
    asker = threading.Thread(target=ask)
    asker.start()
    until_s = time.monotonic() + 5.0
    while not first.asked and time.monotonic() < until_s:
        time.sleep(0.005)
    dying.close()
    heir = Door(second, FakeClock(), rig="rig")  # type: ignore[arg-type]
    heir.open()
    asker.join(15.0)
    heir.close()
    assert first.asked == ["once"]
    return second, heard


@pytest.mark.parametrize(
    "action",
    [
        Abort(),
        GoOn(t=1),
        Resume(),
        MoveXY(x_um=10.0, y_um=0.0, is_relative=True),
        MoveZ(z_um=1.0, is_relative=True),
        PulseShutter(duration_ms=5),
    ],
)
def test_what_would_do_more_when_done_twice_or_is_about_one_run_is_not_asked_of_a_new_scope(
    desk: EchoDesk, action: Action
) -> None:
    second, (error,) = asked_across_a_restart(action)

    assert second.asked == []
    assert isinstance(error, PublishError)
    assert "whether it was done is not known" in str(error)


def test_an_absolute_move_is_asked_of_a_new_scope(desk: EchoDesk) -> None:
    second, (receipt,) = asked_across_a_restart(MoveXY(x_um=10.0, y_um=0.0))

    assert (second.asked, receipt.verdict) == (["once"], "done")
