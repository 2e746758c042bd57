"""Network input: planes of any size brought into the fixed shape that a network wants."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ConfigError, ModelError
from stentor.inference.card import Card
from stentor.inference.normalise import require_plane

MOST_SHRUNK: Final = 0.07
"""512 instead of 480 network pixels a side take 14 % longer. Going without costs 0.002 of average precision at IoU 0.5
and 0.004 at 0.75 (validation images of nuclei@2: 0.850 and 0.740)."""


def as_planes(image: NDArray[Any], channels: Sequence[str]) -> list[NDArray[Any]]:
    """Return the planes (Y, X) of an image (Y, X) or (C, Y, X), one for each of the model's channels.

    Raises
    ------
    ModelError
        If the image has another number of planes, or one of them is none that a model can read.
    """
    if image.ndim not in (2, 3):
        raise ModelError(
            f"the model wants an image (Y, X) or (C, Y, X), got shape {image.shape}; choose one time and z"
        )
    planes = [image] if image.ndim == 2 else list(image)
    if len(planes) != len(channels):
        wanted = f"{len(channels)} planes ({', '.join(channels)})" if len(channels) > 1 else "one plane"
        raise ModelError(
            f"the model wants {wanted}, got shape {image.shape}; choose a channel for each, average RGB, "
            "or move the channel axis to the front"
        )
    require_planes(planes)
    return planes


def require_planes(planes: Sequence[NDArray[Any]]) -> None:
    """Refuse planes that no model can read, or that differ in shape, with a ModelError."""
    for plane in planes:
        require_plane(plane)
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1:
        raise ModelError(f"the channels differ in shape: {sorted(shapes)}; keep one region of interest for all")


def require_channels(card: Card, channels: Sequence[str]) -> None:
    """Refuse a stage's choice of channels that does not fit the model's; none stands for the frame's own image.

    Raises
    ------
    ConfigError
        If their number differs; the message names those that the model wants.
    """
    if len(channels or ("",)) != len(card.channels):
        raise ConfigError(
            f"{card.identity} wants {len(card.channels)} channels ({', '.join(card.channels)}), got "
            f"{', '.join(channels) or 'none'}; name yours in `channels`, in this order"
        )


def scaled_shape(shape_yx: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return the shape after scaling, at least 1 x 1.

    >>> scaled_shape((100, 131), 0.5)
    (50, 66)
    """
    return max(1, round(shape_yx[0] * scale)), max(1, round(shape_yx[1] * scale))


def padded_shape(shape_yx: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Return the shape with both sides raised to a multiple.

    >>> padded_shape((50, 64), 32)
    (64, 64)
    """
    return -(-shape_yx[0] // multiple) * multiple, -(-shape_yx[1] // multiple) * multiple


def fitting_scale(scale: float, shape_yx: tuple[int, int], multiple: int) -> float:
    """Return a scale at most `MOST_SHRUNK` smaller that spares the network a band of padding; 1 stays as it is.

    >>> fitting_scale(0.95, (512, 512), 32) * 512
    480.0
    """
    if scale == 1.0:
        return scale
    fits = [math.floor(side * scale / multiple) * multiple / side for side in shape_yx]
    choices = [scale, *(fit for fit in fits if fit >= scale * (1 - MOST_SHRUNK))]
    return min(choices, key=lambda one: (math.prod(padded_shape(scaled_shape(shape_yx, one), multiple)), -one))


def reflect(target: NDArray[np.float32], rows: int, columns: int) -> None:
    """Fill what lies beyond `rows` and `columns` by reflection, in place; repeats where there is little to reflect."""
    if columns < target.shape[1]:
        source = np.pad(np.arange(columns), (0, target.shape[1] - columns), mode="symmetric")[columns:]
        target[:rows, columns:] = target[:rows, source]
    if rows < target.shape[0]:
        source = np.pad(np.arange(rows), (0, target.shape[0] - rows), mode="symmetric")[rows:]
        target[rows:] = target[source]
