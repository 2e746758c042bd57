"""Nearest: what was probably meant by a word that is not known."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

_PLACE: Final = re.compile(r"^Invalid (?:enum )?value '(?P<word>.*)'(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN: Final = re.compile(r"^Object contains unknown field `(?P<key>[^`]*)`(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_DEEPER: Final = re.compile(r" - at `\$\.\w+[.\[]")
_STEP: Final = re.compile(r"\.(\w+)|\[[^\]]*\]")


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "there are", likeness: float = 0.6) -> str:
    """Return the known word that is nearest, else all of them after `otherwise`.

    `likeness`: 0 takes any word for the one that was meant, 1 none but the word itself.

    >>> did_you_mean("adaptiv", ["live", "adaptive"])
    "did you mean 'adaptive'?"
    >>> did_you_mean("slow", ["live", "adaptive"])
    'there are live, adaptive'
    """
    words = list(known)
    nearest = difflib.get_close_matches(word, words, 1, likeness)
    return f"did you mean {nearest[0]!r}?" if nearest else f"{otherwise} {', '.join(words) or 'none'}"


def unknown_key(key: str, known: Iterable[str], where: str = "") -> str:
    """Say that a key is not known, with the nearest that is, else all of them; `where`: what their names begin with.

    >>> unknown_key("exposure_ms", ["exposure", "x_pos"], "setup.")
    'unknown key `setup.exposure_ms`; did you mean `setup.exposure`?'
    >>> unknown_key("colour", ["exposure", "x_pos"])
    'unknown key `colour`; known here: exposure, x_pos'
    """
    keys = list(known)
    nearest = difflib.get_close_matches(key, keys, 1)
    hint = f"did you mean `{where}{nearest[0]}`?" if nearest else f"known here: {', '.join(keys) or 'none'}"
    return f"unknown key `{where}{key}`; {hint}"


def explain(err: msgspec.DecodeError, wanted: Any, value: Any = None) -> str:
    """Return what msgspec says of a value, and the nearest where only certain words or keys are taken.

    Parameters
    ----------
    wanted
        The type that the value was to be converted into.
    value
        None: it is not at hand, and so neither is which of several structs a key was meant for.
    """
    if (key := _unknown_field(str(err), wanted, value)) is not None:
        return key
    found = _PLACE.match(str(err))
    if found is None:
        return str(err)
    here = [inspect.type_info(wanted)]
    for step in _STEP.finditer(found["path"] or ""):
        here = [inner for one in here for inner in _inside(one, step[1])]
    words = sorted({word for one in here for word in _words(one)})
    return f"{err}; {did_you_mean(found['word'], words)}" if words else str(err)


def explain_table(err: msgspec.ValidationError, wanted: type[msgspec.Struct], table: Mapping[str, Any]) -> str:
    """Return what is wrong with a table of settings, with its keys where the fault is not in a table within it."""
    said = explain(err, wanted, table)
    if _DEEPER.search(str(err)):
        return said
    return f"{said}; its settings are: {', '.join(wanted.__struct_fields__) or 'none'}"


def _unknown_field(said: str, wanted: Any, value: Any) -> str | None:
    """Return a sentence on a key that nothing reads, with the nearest of the struct in which it stands."""
    found = _UNKNOWN.match(said)
    if found is None:
        return None
    places = [("", inspect.type_info(wanted), value)]
    for step in _STEP.finditer(found["path"] or ""):
        places = [
            (f"{where}{name}", inner, part)
            for where, info, holder in places
            for name, part in _parts(holder, step[1])
            for inner in _inside(info, step[1])
        ]
    for where, info, part in places:
        for names in _fields(info, part):
            if isinstance(part, Mapping) and found["key"] in part and found["key"] not in names:
                return unknown_key(found["key"], names, f"{where}.".lstrip("."))
    return None


def _parts(holder: Any, field: str | None) -> list[tuple[str, Any]]:
    """Return what lies in a value under a name, or, None, all of its items; each with its place in words."""
    if field is not None:
        return [(f".{field}", holder[field])] if isinstance(holder, Mapping) and field in holder else []
    if isinstance(holder, Mapping):
        return [(f'."{key}"', part) for key, part in holder.items()]
    return [(f"[{number}]", part) for number, part in enumerate(holder)] if isinstance(holder, list | tuple) else []


def _fields(info: inspect.Type, value: Any) -> list[list[str]]:
    """Return the keys of each struct that a mapping may be meant for, by its tag where it has one."""
    match info:
        case inspect.UnionType(types=types):
            return [names for one in types for names in _fields(one, value)]
        case inspect.StructType(tag=None, fields=fields):
            return [[one.encode_name for one in fields]]
        case inspect.StructType(tag=tag, tag_field=str(key), fields=fields) if (
            isinstance(value, Mapping) and value.get(key) == tag
        ):
            return [[one.encode_name for one in fields]]
        case _:
            return []


def _inside(info: inspect.Type, field: str | None) -> list[inspect.Type]:
    """Return what may lie in a type under the name of a field; None: as an item."""
    match info:
        case inspect.UnionType(types=types):
            return [inner for one in types for inner in _inside(one, field)]
        case inspect.StructType() if field is not None and field == info.tag_field:
            return [inspect.LiteralType((info.tag,))]
        case inspect.StructType(fields=fields):
            return [one.type for one in fields if one.encode_name == field]
        case inspect.DictType(value_type=value_type):
            return [value_type]
        case inspect.TupleType(item_types=item_types):
            return list(item_types)
        case inspect.VarTupleType(item_type=item_type) | inspect.ListType(item_type=item_type):
            return [item_type]
        case _:
            return []


def _words(info: inspect.Type) -> list[str]:
    match info:
        case inspect.UnionType(types=types):
            return [word for one in types for word in _words(one)]
        case inspect.LiteralType(values=values):
            return [word for word in values if isinstance(word, str)]
        case _:
            return []
