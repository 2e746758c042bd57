"""Payloads: the large parts of actions, kept once in the file of the decisions, however often they are asked for."""

import hashlib
import json
import sqlite3
import zlib
from typing import Any, Final

import msgspec

from stentor.core.action import Action

LARGEST: Final = 256
"""Characters of JSON that stand in a row; what is larger, such as a mask or a list of events, is kept aside."""

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS payloads (hash TEXT PRIMARY KEY, json BLOB NOT NULL)"
_LEVEL: Final = 1
"""Of zlib: 1000 events are 102 kB, packed 3 kB; a mask of 200 cells on 2048 x 2048 22 kB, packed 17 kB."""


def prepare(file: sqlite3.Connection) -> None:
    """Make the table; raises sqlite3.Error, as the others do."""
    file.execute(_SCHEMA)


def in_json(what: object) -> str:
    """Return JSON as the log keeps it, with NaN and Infinity as words: what was asked is kept, nonsense as well."""
    return json.dumps(msgspec.to_builtins(what))


def set_aside(action: Action) -> tuple[str, dict[str, str]]:
    """Return an action as JSON without its large fields, and these by name as JSON."""
    fields: dict[str, Any] = msgspec.to_builtins(action)
    large = {name: text for name, value in fields.items() if len(text := json.dumps(value)) > LARGEST}
    return json.dumps({name: value for name, value in fields.items() if name not in large}), large


def keep(file: sqlite3.Connection, large: dict[str, str]) -> str | None:
    """Keep large fields where they are not kept already; returns their hashes as JSON. None: there are none."""
    hashes = {name: hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for name, text in large.items()}
    for name, digest in hashes.items():
        if file.execute("SELECT 1 FROM payloads WHERE hash = ?", (digest,)).fetchone() is None:
            file.execute("INSERT INTO payloads VALUES (?, ?)", (digest, zlib.compress(large[name].encode(), _LEVEL)))
    return json.dumps(hashes) if hashes else None


def whole(file: sqlite3.Connection, action: str, hashes: str | None) -> Action:
    """Return the action that was set aside in parts; ValueError or zlib.error if a part is not there."""
    fields: dict[str, Any] = json.loads(action)
    for name, digest in json.loads(hashes or "{}").items():
        found = file.execute("SELECT json FROM payloads WHERE hash = ?", (digest,)).fetchone()
        if found is None:
            raise ValueError(f"its payload {digest} is not there")
        fields[name] = json.loads(zlib.decompress(found[0]))
    put_together: Action = msgspec.convert(fields, Action)
    return put_together
