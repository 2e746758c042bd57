"""Card file: a model card written as TOML, in the order of its fields."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stentor.core.errors import ModelError
from stentor.inference.card import AnyCard
from stentor.inference.card_file import CARD_NAME, load_card
from stentor.inference.repository import ModelFolder


def write_card(card: AnyCard, folder: Path) -> Path:
    """Write `card.toml`; keys whose value is None are left out, as TOML has no word for it."""
    path = folder / CARD_NAME
    path.write_text("\n".join(_table(msgspec.to_builtins(card), "")).strip() + "\n", encoding="utf-8")
    return path


def store_card(card: AnyCard, folder: Path) -> ModelFolder:
    """Write the card and read it back through the path that ships.

    Raises
    ------
    ModelError
        If it reads back differently.
    """
    path = write_card(card, folder)
    if load_card(folder) != card:
        raise ModelError(f"{path}: reads back differently from what was written; a text in it has odd characters")
    return ModelFolder(folder, card)


def sha256_of(path: Path) -> str:
    """Return the hash of a file as a card states it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _table(values: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the lines of a table: first its plain values, then its tables and lists of tables."""
    inner = {key: value for key, value in values.items() if _is_table(value)}
    for key, value in values.items():
        if key not in inner and value is not None:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in inner.items():
        title = f"{name}.{key}" if name else key
        for item in [value] if isinstance(value, dict) else value:
            yield ""
            yield f"[{title}]" if isinstance(value, dict) else f"[[{title}]]"
            yield from _table(item, title)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict))
