"""Vectors: today's messages are those that clients in other languages were tested with."""

import base64
import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stentor.core.action import Action, Arm, Cause, MoveXY, Receipt
from stentor.wire import command, consumer
from stentor.wire.request import decode_request

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "vectors"
WRITER = runpy.run_path(str(FOLDER / "write_vectors.py"))
MESSAGES: dict[str, list[bytes]] = WRITER["messages"]()
CHECK = ROOT / "clients" / "javascript" / "check.mjs"


def saved(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_every_vector_is_there_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_daemon_still_writes_these_bytes(name: str) -> None:
    assert [base64.b64decode(part) for part in saved(name)["parts_base64"]] == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_the_python_client_reads_what_is_meant(name: str) -> None:
    meaning = WRITER["meaning"]([base64.b64decode(part) for part in saved(name)["parts_base64"]])

    assert json.loads(json.dumps(meaning)) == saved(name)["expected"]
    assert (meaning == "malformed") is name.startswith("malformed")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: the JavaScript decoder is not checked")
def test_the_javascript_decoder_reads_what_is_meant(tmp_path: Path) -> None:
    good = subprocess.run(["node", CHECK, FOLDER], capture_output=True, text=True, timeout=60, check=False)
    lie = saved("event")
    lie["expected"]["header"]["kind"] = "another"
    (tmp_path / "lie.json").write_text(json.dumps(lie))
    bad = subprocess.run(["node", CHECK, tmp_path], capture_output=True, text=True, timeout=60, check=False)

    assert (good.returncode, good.stdout.strip()) == (0, f"{len(MESSAGES)} vectors, 0 differ"), good.stdout
    assert bad.returncode == 1


@pytest.mark.parametrize(
    "kind",
    [
        *consumer.FromConsumer.__args__,
        *consumer.ToConsumer.__args__,
        *(kind for kind in Action.__args__ if kind is not Arm),  # an operator's, by `stentor arm`
        command.Command,
        command.Answer,
        Cause,
        Receipt,
    ],
    ids=lambda kind: kind.__name__,
)
def test_the_wire_page_names_every_field(kind: type[msgspec.Struct]) -> None:
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    tag = kind.__struct_config__.tag

    assert tag is None or f"`{tag}`" in page
    assert [name for name in kind.__struct_fields__ if name not in page] == []


def test_the_wire_page_names_every_field_of_results_events_and_frames() -> None:
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    written = json.dumps(saved("result_with_every_kind")["expected"]["header"])
    keys = {key for key, _ in _items(json.loads(written))} - {"segment", "measure", "focus", "time", "position"}
    keys -= {"track_id", "frames_ago"}  # of the example's event

    assert sorted(keys - set(re.findall(r"\w+", page))) == []


def test_the_request_on_the_wire_page_is_one() -> None:
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    (shown,) = [
        text for text in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if '"action"' in text
    ]

    asked = decode_request(msgspec.msgpack.encode(json.loads(shown)))

    assert asked.action == MoveXY(x_um=12.5, y_um=-3.0)
    assert sorted(json.loads(shown)) == sorted(asked.__struct_fields__)
    assert sorted(json.loads(shown)["cause"]) == sorted(Cause.__struct_fields__)


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [item for inner in value for item in _items(inner)]
    if not isinstance(value, dict):
        return []
    return [*value.items(), *(item for inner in value.values() for item in _items(inner))]
