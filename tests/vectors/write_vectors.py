"""Vectors: messages as bytes with what they mean, for clients in other languages.

Run: python tests/vectors/write_vectors.py, after a change of the schema that is meant; a test compares.
Integers beyond 2^53 stand as text with an n; arrays as flat lists, row by row.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from stentor.core.doors import DoorTimes
from stentor.core.finding import Event, Finding, Image, Labels, Objects, Score
from stentor.core.frame import FrameHeader, FrameId, PixelToStage, StagePosition
from stentor.core.stage import ModelIdentity
from stentor.wire import message

FOLDER: Final = Path(__file__).parent
SAFE: Final = 2**53 - 1
MALFORMED: Final = "malformed"


def frame() -> FrameHeader:
    return FrameHeader(
        frame_id=FrameId("camera", "0f" * 16, 41),
        shape_yx=(3, 4),
        dtype="uint16",
        received_ns=12_000_000_000,
        clock_id="host:1234abcd",
        axes={"time": 4, "channel": "DAPI", "position": "B03"},
        t=4,
        c=0,
        channel="DAPI",
        exposure_ms=12.5,
        bit_depth=12,
        roi_xywh=(0, 0, 4, 3),
        stage=StagePosition(-10.5, 20.25, None, origin="read-back"),
        pixel_to_stage=PixelToStage(0.5, 0.0, -11.0, 0.0, -0.5, 21.0),
        pixel_size_um=0.5,
        camera_number=40,
    )


def result(findings: dict[str, Finding], *, steps: dict[str, int] | None = None, **changes: Any) -> list[bytes]:
    scores, parts, arrays = message.split_findings(findings, steps)
    header = message.ResultHeader(
        epoch="a1b2c3d4e5f6", counter=7, frame=frame(), outcome="result",
        times=DoorTimes(received=12_000_000_000, tapped=12_000_300_000, published=12_040_000_000),
        stage_ms={"segment": 31.25, "measure": 1.5},
        models={"segment": ModelIdentity("nuclei@2", "ab" * 32, "CPUExecutionProvider")},
        scores=scores, parts=tuple(parts),
    )  # fmt: skip
    return message.encode(msgspec.structs.replace(header, **changes), arrays)


def messages() -> dict[str, list[bytes]]:
    """Return every vector's name and its parts."""
    objects = Objects(
        {
            "label": np.array([1, 2, 300], np.int32),
            "x_um": np.array([-1.5, 2.25, 1e9], np.float64),
            "area_px": np.array([12, 0.5, 7], np.float32),
            "parent": np.array([0, 2**40, -1], np.int64),
            "is_edge": np.array([True, False, True]),
        }
    )
    labels = Labels((np.arange(12, dtype=np.int32) * 30_000).reshape(3, 4))
    stain = Image(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), "photons")
    small = Image(np.array([[1, 65_535]], np.uint16), "counts")
    whole = result(
        {"objects": objects, "labels": labels, "stain": stain, "focus": Score(0.125, "a.u.")},
        events=(Event("division", "track 3 divided into 5 and 6", {"track_id": 3, "frames_ago": 0}),),
    )
    event = message.EventHeader(
        epoch="a1b2c3d4e5f6", counter=8, kind="source-lost", text="camera: größer als erlaubt",
        wall_ns=1_795_000_000_123_456_789, data={"frames": 3, "rate_hz": 9.5, "stream": "camera"},
    )  # fmt: skip
    return {
        "result_with_every_kind": whole,
        "result_without_findings": result({}, withheld=("labels",), outcome="late"),
        "result_with_an_empty_table": result({"objects": Objects({"label": np.zeros(0, np.int32)})}),
        "result_with_a_small_image": result({"frame": small}, steps={"frame": 16}),
        "event": message.encode(event),
        "malformed_no_parts": [],
        "malformed_no_header": whole[:1],
        "malformed_missing_array": whole[:-1],
        "malformed_short_array": [*whole[:-1], whole[-1][:-1]],
        "malformed_truncated_header": [whole[0], whole[1][:-3]],
        "malformed_other_schema": [b"result/camera", msgspec.msgpack.encode({"type": "result", "schema": 99})],
        "malformed_no_msgpack": [b"result/camera", b"\xc1\xff\x00"],
    }


def meaning(parts: list[bytes]) -> Any:
    """Return what a vector means, in the form of the files."""
    try:
        header, findings = message.decode(parts)
    except message.MalformedMessage:
        return MALFORMED
    described = {part.finding: part for part in getattr(header, "parts", ())}
    return {
        # As it stands on the wire: with its tag, and without what has its default.
        "header": plain(msgspec.msgpack.decode(parts[1])),
        "findings": {name: _finding(finding, described.get(name)) for name, finding in findings.items()},
    }


def _finding(finding: Finding, part: message.ArrayPart | None) -> dict[str, Any]:
    match finding:
        case Score(value, unit):
            return {"kind": "score", "value": value, "unit": unit}
        case Objects():
            columns = {name: plain([_number(v) for v in column]) for name, column in finding.columns.items()}
            return {"kind": "objects", "columns": columns, "length": len(finding)}
        case Labels(pixels) | Image(pixels):
            assert part is not None
            values = plain([_number(v) for v in pixels.ravel()])
            return {
                "kind": part.kind, "data": values, "shape": list(part.shape), "dtype": part.dtype, "unit": part.unit,
                "step": part.step,
            }  # fmt: skip


def _number(value: Any) -> Any:
    """One element as other languages see it: booleans are bytes, 64-bit integers always carry their n."""
    if isinstance(value, np.bool_):
        return int(value)
    return f"{value}n" if isinstance(value, np.int64 | np.uint64) else value.item()


def plain(value: Any) -> Any:
    """Turn integers that JSON readers would round into text."""
    match value:
        case bool() | None:
            return value
        case int() if abs(value) > SAFE:
            return f"{value}n"
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    return value


def vector(parts: list[bytes]) -> dict[str, Any]:
    return {"parts_base64": [base64.b64encode(part).decode() for part in parts], "expected": meaning(parts)}


def main() -> None:
    for name, parts in messages().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(vector(parts), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
