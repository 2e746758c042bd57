"""Message: the public schema of results and events, as multipart: topic, one msgpack header, raw array parts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.core.doors import DoorTimes
from stentor.core.finding import Event, Events, Finding, Image, Labels, Objects, Score
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import ModelIdentity

SCHEMA_VERSION: Final = 1
RESULT_TOPIC: Final = b"result/"
EVENT_TOPIC: Final = b"event/"
FRAME: Final = "frame"
"""Name under which the camera's own image can be had; no stage may use it."""
MAX_ELEMENTS: Final = 1 << 28
ARRAY_DTYPES: Final = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"}
)


class ArrayPart(msgspec.Struct, frozen=True, kw_only=True):
    """Describes one raw, C-ordered, little-endian part of the message.

    `finding` is its name; `kind` tells "labels" (one part), "image" (one part) or "objects" (one part a column, the
    column named in `column`). `unit` belongs to images. Where `step` is not 1, one pixel of this part stands for
    step x step pixels of the frame; tables are always in pixels of the frame.
    """

    finding: str
    kind: Literal["labels", "image", "objects"]
    dtype: str
    shape: tuple[int, ...]
    column: str = ""
    unit: str = ""
    step: int = 1


class ResultHeader(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """Everything about a result but its arrays.

    Attributes
    ----------
    epoch, counter
        `counter` numbers the messages of one daemon start from 0; `epoch` names that start.
    frame
        The header of the frame as its producer made it.
    members
        Names of the images that were gathered for this frame, in the order time, channel, z; empty: it came alone.
    outcome
        "late" results missed the stream's deadline and are no reason to act.
    times
        Stamps on `frame.clock_id`'s clock.
    stage_ms
        Duration of each stage.
    models
        The model behind each stage that has one.
    scores
        Whole-frame scores.
    events
        What happened in the frame, such as divisions; each is published by itself, too.
    parts
        One entry for each array part that follows the header, in order.
    withheld
        Names of image findings that this consumer did not ask for.
    """

    epoch: str
    counter: int
    frame: FrameHeader
    outcome: Literal["result", "late"]
    times: DoorTimes
    stage_ms: dict[str, float]
    models: dict[str, ModelIdentity]
    members: tuple[FrameId, ...] = ()
    scores: dict[str, Score] = {}
    events: tuple[Event, ...] = ()
    parts: tuple[ArrayPart, ...] = ()
    withheld: tuple[str, ...] = ()
    schema: int = SCHEMA_VERSION


class EventHeader(msgspec.Struct, frozen=True, kw_only=True, tag="event"):
    """Something happened: `kind` such as "source-lost" or "frame-failed", `text` in words, `data` for programs."""

    epoch: str
    counter: int
    kind: str
    text: str
    wall_ns: int
    data: dict[str, str | int | float] = {}
    schema: int = SCHEMA_VERSION


Header = ResultHeader | EventHeader

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Header).decode


class MalformedMessage(ValueError):
    """A message that does not follow the schema."""


def split_findings(
    findings: Mapping[str, Finding], steps: Mapping[str, int] | None = None
) -> tuple[dict[str, Score], list[ArrayPart], list[NDArray[Any]]]:
    """Return scores, part descriptions, and the arrays themselves; `steps` tells by which step images were thinned."""
    steps = steps or {}
    scores: dict[str, Score] = {}
    parts: list[ArrayPart] = []
    arrays: list[NDArray[Any]] = []
    for name, finding in findings.items():
        match finding:
            case Score():
                scores[name] = finding
            case Objects():
                for column, values in finding.columns.items():
                    arrays.append(np.ascontiguousarray(values))
                    parts.append(
                        ArrayPart(
                            finding=name, kind="objects", dtype=values.dtype.name, shape=values.shape, column=column
                        )
                    )
            case Labels(pixels_yx):
                arrays.append(np.ascontiguousarray(pixels_yx))
                parts.append(_image_part(name, "labels", pixels_yx, "", steps))
            case Image(pixels_yx, unit):
                arrays.append(np.ascontiguousarray(pixels_yx))
                parts.append(_image_part(name, "image", pixels_yx, unit, steps))
            case Events():  # in the header, and published by themselves after the result
                continue
    return scores, parts, arrays


def _image_part(
    name: str, kind: Literal["labels", "image"], pixels_yx: NDArray[Any], unit: str, steps: Mapping[str, int]
) -> ArrayPart:
    return ArrayPart(
        finding=name,
        kind=kind,
        dtype=pixels_yx.dtype.name,
        shape=pixels_yx.shape,
        unit=unit,
        step=steps.get(name, 1),
    )


def encode(header: Header, arrays: Sequence[NDArray[Any]] = ()) -> list[bytes]:
    """Return the parts of a message; the arrays are copied, so that their owners may recycle them."""
    if isinstance(header, ResultHeader):
        topic = RESULT_TOPIC + header.frame.frame_id.stream.encode()
    else:
        topic = EVENT_TOPIC + header.kind.encode()
    return [topic, _encode(header), *(array.tobytes() for array in arrays)]


def decode(parts: Sequence[bytes]) -> tuple[Header, dict[str, Finding]]:
    """Return the header and, of a result, its findings with read-only arrays.

    Raises
    ------
    MalformedMessage
        If anything about the message is not as the schema says.
    """
    if len(parts) < 2:
        raise MalformedMessage(f"a message has at least 2 parts, not {len(parts)}")
    try:
        header = _decode(parts[1])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise MalformedMessage(f"unreadable header: {err}") from err
    if header.schema != SCHEMA_VERSION:
        raise MalformedMessage(f"schema {header.schema}, this client reads {SCHEMA_VERSION}; upgrade the older side")
    if isinstance(header, EventHeader):
        return header, {}
    if len(parts) != 2 + len(header.parts):
        raise MalformedMessage(f"the header promises {len(header.parts)} arrays, {len(parts) - 2} came")
    return header, _join_findings(header, parts[2:])


def _join_findings(header: ResultHeader, arrays: Sequence[bytes]) -> dict[str, Finding]:
    findings: dict[str, Finding] = dict(header.scores)
    columns: dict[str, dict[str, NDArray[Any]]] = {}
    for part, raw in zip(header.parts, arrays, strict=True):
        array = _array(part, raw)
        try:
            if part.kind == "objects":
                columns.setdefault(part.finding, {})[part.column] = array
            elif part.kind == "labels":
                findings[part.finding] = Labels(array)
            else:
                findings[part.finding] = Image(array, part.unit)
        except TypeError as err:
            raise MalformedMessage(str(err)) from err
    for name, table in columns.items():
        try:
            findings[name] = Objects(table)
        except ValueError as err:
            raise MalformedMessage(str(err)) from err
    return findings


def _array(part: ArrayPart, raw: bytes) -> NDArray[Any]:
    if part.dtype not in ARRAY_DTYPES or any(not 0 <= side <= MAX_ELEMENTS for side in part.shape):
        raise MalformedMessage(f"{part.finding}: impossible array of {part.dtype} {part.shape}")
    dtype = np.dtype(part.dtype).newbyteorder("<")
    n_elements = 1
    for side in part.shape:
        n_elements *= side
    if n_elements * dtype.itemsize != len(raw):
        raise MalformedMessage(f"{part.finding}: {part.dtype} {part.shape} does not fill {len(raw)} bytes")
    return np.frombuffer(raw, dtype).reshape(part.shape)
