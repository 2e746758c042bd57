"""Network input: planes of any size brought into the fixed shape that a network wants."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.inference.normalise import require_plane


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
    for plane in planes:
        require_plane(plane)
    return planes


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


def reflect(target: NDArray[np.float32], rows: int, columns: int) -> None:
    """Fill what lies beyond `rows` and `columns` by reflection, in place; repeats where there is little to reflect."""
    if columns < target.shape[1]:
        source = np.pad(np.arange(columns), (0, target.shape[1] - columns), mode="symmetric")[columns:]
        target[:rows, columns:] = target[:rows, source]
    if rows < target.shape[0]:
        source = np.pad(np.arange(rows), (0, target.shape[0] - rows), mode="symmetric")[rows:]
        target[rows:] = target[source]
