"""Message: what is encoded is decoded, and garbage is refused with one kind of error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.core.doors import DoorTimes
from stentor.core.finding import Finding, Image, Labels, Objects, Score
from stentor.core.frame import FrameHeader, FrameId
from stentor.wire import message
from stentor.wire.message import MalformedMessage, ResultHeader


def findings() -> dict[str, Finding]:
    return {
        "objects": Objects({"label": np.array([1, 2], np.int32), "area_px": np.array([5.5, 6.5], np.float32)}),
        "empty": Objects({"label": np.zeros(0, np.int32)}),
        "labels": Labels(np.arange(12, dtype=np.int32).reshape(3, 4)),
        "stain": Image(np.ones((3, 4), np.float32), "counts"),
        "focus": Score(0.5, "a.u."),
    }


def encoded() -> list[bytes]:
    scores, parts, arrays = message.split_findings(findings())
    header = ResultHeader(
        epoch="e",
        counter=3,
        frame=FrameHeader(
            frame_id=FrameId("camera", "r", 9),
            shape_yx=(3, 4),
            dtype="uint16",
            received_ns=1,
            clock_id="c",
            axes={"time": 2, "channel": "DAPI"},
        ),
        outcome="result",
        times=DoorTimes(received=1, published=5),
        stage_ms={"segment": 1.5},
        models={},
        scores=scores,
        parts=tuple(parts),
    )
    return message.encode(header, arrays)


def test_findings_survive_the_wire() -> None:
    header, found = message.decode(encoded())

    assert isinstance(header, ResultHeader)
    assert header.frame.axes == {"time": 2, "channel": "DAPI"}
    objects, labels, stain = found["objects"], found["labels"], found["stain"]
    assert isinstance(objects, Objects) and objects["area_px"].tolist() == [5.5, 6.5]
    assert isinstance(labels, Labels) and labels.labels_yx.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert isinstance(stain, Image) and stain.unit == "counts"
    assert found["focus"] == Score(0.5, "a.u.")
    empty = found["empty"]
    assert isinstance(empty, Objects) and len(empty) == 0


def test_received_arrays_are_read_only() -> None:
    _, found = message.decode(encoded())
    objects = found["objects"]
    assert isinstance(objects, Objects)

    with pytest.raises(ValueError, match="read-only"):
        objects["label"][0] = 9


def test_a_missing_array_is_malformed() -> None:
    with pytest.raises(MalformedMessage, match="promises"):
        message.decode(encoded()[:-1])


def test_an_array_of_the_wrong_size_is_malformed() -> None:
    parts = encoded()
    parts[-1] = parts[-1][:-1]

    with pytest.raises(MalformedMessage, match="does not fill"):
        message.decode(parts)


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_garbage_is_malformed_and_nothing_else(parts: list[bytes]) -> None:
    with pytest.raises(MalformedMessage):
        message.decode(parts)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_never_escapes_as_another_error(position: int, value: int) -> None:
    parts = encoded()
    header = bytearray(parts[1])
    header[position % len(header)] = value
    parts[1] = bytes(header)

    try:
        message.decode(parts)
    except MalformedMessage:
        return
