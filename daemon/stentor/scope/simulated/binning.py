"""Binning: add up squares of pixels on the chip, as a camera does before it reads them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FACTORS: Final = (1, 2, 4)


def binned(counts: NDArray[np.uint16], factor: int, *, offset: float, ceiling: int) -> NDArray[np.uint16]:
    """Return the sums of squares of `factor` pixels a side, with the camera's offset once.

    Parameters
    ----------
    counts
        Shape (Y, X); rows and columns that do not fill a square are left out.
    offset
        Counts of a dark pixel.
    ceiling
        Largest count of the converter, at which bright sums saturate.
    """
    if factor == 1:
        return counts
    rows, columns = counts.shape[0] // factor, counts.shape[1] // factor
    squares = counts[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    total = squares.sum(axis=(1, 3), dtype=np.float64) - (factor**2 - 1) * offset
    return np.asarray(np.clip(np.rint(total), 0, ceiling), np.uint16)
