"""Self-description: what a stage or controller says of itself beyond its contract, where it says it rightly."""

from typing import Any, TypeVar

Kind = TypeVar("Kind")


def said(plugin: object, name: str, kinds: type[Kind] | tuple[type[Kind], ...]) -> tuple[Kind, ...] | None:
    """Return an attribute of a plugin's that is a tuple of nothing but `kinds`; None: it does not say.

    A stranger may have had an attribute or method of the same name, with a meaning of his own, before we asked for one.
    """
    value: Any = getattr(plugin, name, None)
    if isinstance(value, tuple) and all(isinstance(item, kinds) for item in value):
        return value
    return None
