"""Metadata: the tags of one image, found in whichever dialect its backend wrote."""

from collections.abc import Mapping
from typing import Any


def camera_tags(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the camera's own tags: pymmcore-plus nests them in sequences and has none for a snap."""
    nested = metadata.get("camera_metadata")
    if isinstance(nested, Mapping):
        return nested
    return {} if metadata.get("format") == "frame-dict" else metadata


def camera_number(metadata: Mapping[str, Any]) -> int | None:
    """Return the camera's image counter; None: this path has none (a snap)."""
    return whole(camera_tags(metadata).get("ImageNumber"))


def whole(value: Any) -> int | None:
    """Read an integer that may be a string, a float or missing.

    >>> whole("7"), whole(7.0), whole(None), whole("?"), whole("")
    (7, 7, None, None, None)
    """
    number = real(value)
    return None if number is None else int(number)


def real(value: Any) -> float | None:
    """Read a finite number that may be a string or missing.

    >>> real("10.5"), real(3), real("nan"), real("x"), real(True)
    (10.5, 3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
