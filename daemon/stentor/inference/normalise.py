"""Normalisation: from camera counts to the numbers that a network was trained on."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.core.frame import PIXEL_DTYPES

SAMPLES_OF_FLOAT: Final = 1 << 16
"""Float images are ranked on a regular grid of about this many pixels: sorting 4 million takes longer than a model."""

COMPRESSION: Final = 5.0

COMPRESSED: Final = frozenset({"percentile-asinh"})
"""The normalisations that end with `compress`."""


def require_plane(image: NDArray[Any], *, least_px: int = 16) -> None:
    """Refuse what is not a plane that a model can read.

    Raises
    ------
    ModelError
        If `image` is not (Y, X), is smaller than `least_px`, or is not uint8, uint16 or float32.
    """
    if image.ndim != 2:
        raise ModelError(
            f"the model wants one plane (Y, X), got shape {image.shape}; choose a channel, or average RGB, first"
        )
    if image.dtype.name not in PIXEL_DTYPES:
        raise ModelError(
            f"the model wants {', '.join(PIXEL_DTYPES)}, got {image.dtype}; "
            "use image.astype('float32') or the raw counts"
        )
    if min(image.shape) < least_px:
        raise ModelError(f"the model wants at least {least_px} x {least_px} pixels, got {image.shape}; widen the ROI")


def percentiles(image_yx: NDArray[Any], low: float, high: float) -> tuple[float, float]:
    """Return two percentiles of a plane: exact for integers, on a regular grid of pixels for float32.

    Integers are counted up to the largest (cv2.calcHist and a running sum; 0.1 ms at 512 x 512 and 12 bit, 1 ms with
    all of 16) and the smallest value with at least that share of the pixels, and at least one, at or below it is
    returned.

    Parameters
    ----------
    image_yx
        Shape (Y, X), uint8, uint16 or float32.
    low, high
        In percent, 0 to 100.

    Raises
    ------
    ModelError
        If a float image holds NaN or infinity.
    """
    if image_yx.dtype == np.float32:
        stride = max(1, int((image_yx.size / SAMPLES_OF_FLOAT) ** 0.5))
        values = image_yx[::stride, ::stride]
        if not (np.isfinite(image_yx.min()) and np.isfinite(image_yx.max())):
            raise ModelError("the image holds NaN or infinity; mask it (numpy.nan_to_num) before the model")
        bottom, top = np.percentile(values, (low, high))
        return float(bottom), float(top)
    bins = int(image_yx.max()) + 1
    counts = cv2.calcHist([np.ascontiguousarray(image_yx)], [0], None, [bins], [0, bins]).ravel()
    total = np.cumsum(counts, dtype=np.float64)
    bottom, top = np.searchsorted(total, np.maximum(np.array((low, high)) / 100.0 * total[-1], 1.0))
    return float(min(bottom, bins - 1)), float(min(top, bins - 1))


def compress(scaled: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Return asinh(5 x): linear in the dark, logarithmic in the bright, so that one bright nucleus hides no other."""
    values = np.multiply(scaled, np.float32(COMPRESSION), out=out)
    return np.asarray(np.arcsinh(values, out=values))


def expand(compressed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sinh(x) / 5, which undoes `compress`."""
    return np.asarray(np.sinh(compressed) / np.float32(COMPRESSION), np.float32)


def normalise(image_yx: NDArray[Any], low_percent: float, high_percent: float) -> NDArray[np.float32]:
    """Return (image - low) / (high - low) with the plane's own percentiles, shape (Y, X) float32.

    A plane without contrast becomes zeros.

    Raises
    ------
    ModelError
        If a float image holds NaN or infinity.
    """
    low, span = scale_of(image_yx, low_percent, high_percent)
    scaled: NDArray[np.float32] = np.subtract(image_yx, np.float32(low), dtype=np.float32)
    scaled *= np.float32(1.0 / span)
    return scaled


def scale_of(image_yx: NDArray[Any], low_percent: float, high_percent: float) -> tuple[float, float]:
    """Return (low, span) of the plane's percentiles, in counts; the span is never 0.

    Raises
    ------
    ModelError
        If a float image holds NaN or infinity.
    """
    low, high = percentiles(image_yx, low_percent, high_percent)
    least = 1.0 if image_yx.dtype != np.float32 else float(np.finfo(np.float32).tiny)
    return low, max(high - low, least)


def unit_of(low_percent: float, high_percent: float) -> str:
    """Name the unit of a normalised plane, so that a model can tell whether it is the one it was trained on.

    >>> unit_of(1.0, 99.8)
    'percentiles 1..99.8'
    """
    return f"percentiles {low_percent:g}..{high_percent:g}"
