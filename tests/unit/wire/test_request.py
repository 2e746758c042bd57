"""Request: what arrives is a request or a DecodeError, whatever the bytes are."""

from typing import Any

import msgspec
import pytest

from stentor.control.grammar import LONGEST
from stentor.core.action import Pause, Receipt, Request
from stentor.core.clock import FakeClock
from stentor.core.frame import FrameId
from stentor.core.microscope import Microscope
from stentor.wire.request import decode_request, encode, read_sender

FRAME = {"stream": "camera", "run": "run", "sequence": 2**63 - 1}
DEEP = msgspec.Raw(b"\x81\xa1a" * 100_000 + b"\xc0")


def packed(action: dict[str, Any], **changes: Any) -> bytes:
    request = {"id": "one", "action": action, "cause": {"controller": "follow"}, "issued_ns": 0, "clock_id": "here"}
    return msgspec.msgpack.encode({**request, **changes})


def events(*events: Any) -> dict[str, Any]:
    return {"kind": "acquire", "events": events}


@pytest.mark.parametrize(
    "nonsense",
    [
        packed(events({"metadata": DEEP})),
        packed(events({"metadata": {(1, 2): 3}})),
        packed(events({"metadata": msgspec.msgpack.Ext(5, b"?")})),
        packed({"kind": "pause"}, issued_ns=2**64 - 1),
        packed({"kind": "pause"}, cause={"controller": "follow", "seen_ns": 2**63}),
        packed({"kind": "pause"}, cause={"controller": "follow", "frame_id": FRAME | {"sequence": 2**63}}),
        packed({"kind": "pause"}, cause={"controller": "follow", "frame_id": FRAME | {"sequence": -1}}),
        packed({"kind": "pause"}).replace(b"one", b"\xff\xfe\xfd"),
        packed({"kind": "pause"}, id="i" * 257),
        packed({"kind": "pause"}, cause={"controller": "c" * 257}),
        packed({"kind": "pause"}, cause={"controller": "follow", "rule": "r" * 1001}),
        packed({"kind": "pause"}, cause={"controller": "follow", "reason": "r" * 4001}),
        packed({"kind": "dance"}),
        b"\xc1",
        b"",
    ],
)
def test_nonsense_is_a_decode_error_and_nothing_else(nonsense: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_request(nonsense)


def test_what_the_microscope_of_a_script_sends_is_read_however_long_its_reason() -> None:
    sent: list[Request] = []

    def ask(request: Request, timeout_s: float) -> Receipt:
        sent.append(decode_request(encode(request)))
        return Receipt(id=request.id, verdict="done", received_ns=0, clock_id="fake")

    microscope = Microscope(ask, FakeClock(), controller="c" * 256)
    condition = "1 " * (LONGEST // 2)
    microscope.pause(id="i" * 256, rule=condition, reason=f"no longer {condition}")
    microscope.pause(reason="because " * 1000)

    assert [request.cause.reason for request in sent] == [f"no longer {condition}", f"{'because ' * 1000:.3997}..."]
    assert sent[0].cause.rule == condition


@pytest.mark.parametrize("why", [{"id": "i" * 257}, {"rule": "r" * 1001}])
def test_a_name_that_would_not_be_read_is_refused_where_it_is_given(why: dict[str, str]) -> None:
    def ask(request: Request, timeout_s: float) -> Receipt:
        raise AssertionError("it was sent, and the scope could not read it")

    with pytest.raises(ValueError, match=rf"`{next(iter(why))}` has .* characters, at most"):
        Microscope(ask, FakeClock(), controller="script").pause(**why)
    with pytest.raises(ValueError, match="`controller` has 300 characters, at most 256"):
        Microscope(ask, FakeClock(), controller="c" * 300).pause()


def test_what_makes_sense_is_read() -> None:
    request = decode_request(packed({"kind": "pause"}, cause={"controller": "follow", "frame_id": FRAME}))

    assert request.action == Pause()
    assert request.cause.frame_id == FrameId("camera", "run", 2**63 - 1)


def test_who_asks_is_read_of_what_is_no_request() -> None:
    sender = read_sender(packed({"kind": "extend", "time_points": -3}))

    assert sender is not None and (sender.id, sender.cause.controller) == ("one", "follow")


@pytest.mark.parametrize(
    "nonsense",
    [packed({"kind": "pause"}).replace(b"one", b"\xff\xfe\xfd"), packed(events({"metadata": DEEP})), b"\xc1", b""],
)
def test_of_what_cannot_be_read_at_all_nobody_is_the_sender(nonsense: bytes) -> None:
    assert read_sender(nonsense) is None
