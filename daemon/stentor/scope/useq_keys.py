"""Useq keys: what may be written in a useq-schema mapping; useq itself passes over keys that it does not know."""

import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from stentor.core.errors import ConfigError
from stentor.core.nearest import unknown_key

if TYPE_CHECKING:
    import useq

Model = TypeVar("Model", "useq.MDAEvent", "useq.MDASequence")

ALSO_READ: Final = ("row", "col", "uid")
"""Other names of a position's grid row and column, and the number that useq-schema gave to sequences in files once."""

SHOWN: Final = 3
"""Faults of one mapping: a wrong plan is a fault of every kind of plan that it is not."""


def read_as(model: type[Model], mapping: object) -> Model:
    """Read a mapping as a useq-schema model, every key of it.

    Raises
    ------
    ConfigError
        In one line: a key that the model does not know, with the nearest that it does, or a value it does not take.
    """
    try:
        if faults := list(unknown_keys(mapping, model)):
            raise ConfigError("; ".join(faults[:SHOWN]))
        return model.model_validate(mapping)
    except RecursionError as err:
        raise ConfigError("it is nested too deeply") from err
    except ValueError as err:
        raise ConfigError(_in_a_line(err)) from err


def unknown_keys(value: object, wanted: Any, where: str = "") -> Iterator[str]:
    """Yield a sentence for each key of a value, and of what lies in it, that nothing reads.

    Parameters
    ----------
    wanted
        Annotation of the value; of a union, a key of any member is known.
    where
        What the keys' names begin with, such as "z_plan.".
    """
    if isinstance(value, Mapping):
        known = _fields_in(wanted)
        if not known:
            return  # whatever its writer wants, such as metadata
        for key, inner in value.items():
            if key in known:
                yield from unknown_keys(inner, known[key], f"{where}{key}.")
            elif key not in ALSO_READ:
                yield unknown_key(str(key), known, where)
    elif isinstance(value, list | tuple):
        item = _item_of(wanted)
        for number, inner in enumerate(value):
            yield from unknown_keys(inner, item, f"{where.removesuffix('.')}[{number}].")


@cache
def _fields_in(wanted: Any) -> dict[str, Any]:
    """Return what a mapping may hold: name or alias to annotation, a union where several models have it."""
    fields: dict[str, Any] = {}
    for member in _members(wanted):
        for name, field in getattr(member, "model_fields", {}).items():
            for key in {name, field.alias or name}:
                fields[key] = Union[fields[key], field.annotation] if key in fields else field.annotation  # noqa: UP007
    return fields


@cache
def _item_of(wanted: Any) -> Any:
    """Return the annotation of what lies in a list; time plans in a list are the phases of one."""
    items = [
        inner
        for member in _members(wanted)
        if get_origin(member) in (list, tuple, Sequence)
        for inner in get_args(member)
        if inner is not Ellipsis
    ]
    phases = _fields_in(wanted).get("phases")
    return Union[tuple(items)] if items else None if phases is None else _item_of(phases)  # noqa: UP007


def _members(wanted: Any) -> Iterator[Any]:
    """Yield the types that an annotation is made of."""
    origin = get_origin(wanted)
    if origin is Annotated:
        yield from _members(get_args(wanted)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(wanted):
            yield from _members(member)
    else:
        yield wanted


def _in_a_line(err: ValueError) -> str:
    """Return what pydantic says without its headings and addresses."""
    faults = getattr(err, "errors", None)
    if faults is None:
        return str(err)
    # A plan that lacks what only other kinds of plan need is no fault: what is wrong of its own comes first.
    found = sorted(faults(), key=lambda fault: fault["type"] == "missing")
    said = [f"`{'.'.join(map(str, fault['loc'])) or 'all of it'}`: {fault['msg']}" for fault in found]
    return "; ".join(list(dict.fromkeys(said))[:SHOWN])
