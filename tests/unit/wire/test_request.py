"""Request: what arrives is a request or a DecodeError, whatever the bytes are."""

from typing import Any

import msgspec
import pytest

from stentor.core.action import Pause
from stentor.core.frame import FrameId
from stentor.wire.request import decode_request

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
        packed({"kind": "dance"}),
        b"\xc1",
        b"",
    ],
)
def test_nonsense_is_a_decode_error_and_nothing_else(nonsense: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_request(nonsense)


def test_what_makes_sense_is_read() -> None:
    request = decode_request(packed({"kind": "pause"}, cause={"controller": "follow", "frame_id": FRAME}))

    assert request.action == Pause()
    assert request.cause.frame_id == FrameId("camera", "run", 2**63 - 1)
