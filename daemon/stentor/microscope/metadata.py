"""Metadata: the tags of one image, found in whichever dialect its backend wrote.

pymmcore-plus writes a dictionary of its own and nests the camera's tags in `camera_metadata`, in hardware sequences
only. pycromanager mixes its tags with the camera's: numbers after a snap, text after a sequence. Live mode has the
camera's tags as text, or only its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stentor.core.frame import StagePosition

LIFE_COUNTER = "FrameCounter"
"""A camera's count over its life, snaps included; the simulated camera has one."""
SEQUENCE_COUNTER = "ImageNumber"
"""The core's count, from 0 in every sequence."""


def camera_tags(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the camera's own tags; empty where the path has none."""
    nested = metadata.get("camera_metadata")
    if isinstance(nested, Mapping):
        return nested
    return {} if metadata.get("format") == "frame-dict" else metadata


def camera_number(metadata: Mapping[str, Any]) -> int | None:
    """Return the camera's image counter; None: this path has none (a snap)."""
    tags = camera_tags(metadata)
    number = whole(tags.get(LIFE_COUNTER))
    return whole(tags.get(SEQUENCE_COUNTER)) if number is None else number


def counts_from_zero(metadata: Mapping[str, Any]) -> bool:
    """Tell whether `camera_number` begins at 0 with every sequence, so that a first number of 3 means 3 lost."""
    return LIFE_COUNTER not in camera_tags(metadata)


def exposure_ms(metadata: Mapping[str, Any]) -> float | None:
    """Return the exposure of this image."""
    return first_real(metadata, "exposure_ms", "Exposure", "Exposure-ms")


def camera_name(metadata: Mapping[str, Any], names: Sequence[str] = ()) -> str | None:
    """Return the label of the camera.

    Parameters
    ----------
    names
        Labels of the cameras behind a Multi Camera: the tags of a snap by pycromanager give only an index.
    """
    tags = camera_tags(metadata)
    index = whole(tags.get("CameraChannelIndex"))
    if index is not None and len(names) > 1 and 0 <= index < len(names):
        return names[index]
    name = tags.get("Camera") or metadata.get("camera_device")
    return str(name) if name else None


def binning(metadata: Mapping[str, Any]) -> int | None:
    """Return the binning of this image."""
    return binning_factor(camera_tags(metadata).get("Binning"))


def binning_factor(value: object) -> int | None:
    """Read a binning, of which some cameras write both sides.

    >>> binning_factor("2x2"), binning_factor("4"), binning_factor(4), binning_factor(None)
    (2, 4, 4, None)
    """
    return whole(value.split("x")[0] if isinstance(value, str) else value)


def roi_origin(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return left and top of the region of interest."""
    tags = camera_tags(metadata)
    left, top = whole(tags.get("ROI-X-start")), whole(tags.get("ROI-Y-start"))
    return None if left is None or top is None else (left, top)


def stage_position(metadata: Mapping[str, Any]) -> StagePosition:
    """Return what the backend wrote about the drives: read back by pymmcore-plus, intended by pycromanager."""
    read_back = metadata.get("position")
    if isinstance(read_back, Mapping):
        return StagePosition(
            real(read_back.get("x")), real(read_back.get("y")), real(read_back.get("z")), origin="read-back"
        )
    x, y, z = (first_real(metadata, f"{axis}Position_um_Intended") for axis in "XYZ")
    is_known = x is not None or y is not None or z is not None
    return StagePosition(x, y, z, origin="intended" if is_known else None)


def acquisition_axes(metadata: Mapping[str, Any]) -> dict[str, int | str]:
    """Return the axes that pycromanager wrote."""
    axes = metadata.get("Axes")
    return dict(axes) if isinstance(axes, Mapping) else {}


def first_real(metadata: Mapping[str, Any], *keys: str) -> float | None:
    """Return the first of `keys` that holds a number."""
    return next((number for key in keys if (number := real(metadata.get(key))) is not None), None)


def whole(value: Any) -> int | None:
    """Read an integer that may be a string, a float or missing.

    >>> whole("7"), whole(7.0), whole(None), whole("?"), whole("")
    (7, 7, None, None, None)
    """
    number = real(value)
    return None if number is None else int(number)


def whole_text(value: Any) -> int | None:
    """Read an integer of any size exactly: nanoseconds do not fit into a float.

    >>> whole_text("2767607224221001"), whole_text(5), whole_text(None), whole_text("1.5")
    (2767607224221001, 5, None, None)
    """
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


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
