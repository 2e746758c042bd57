"""Foreground: the object pixels of an image as a list, so that work is done on them alone and once."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.scratch import SCRATCH
from stentor.inference.postprocess.size_cut import renumbering


class Foreground:
    """Pixels in reading order; the arrays of a post-processor that belong to them have the shape (n,).

    Attributes
    ----------
    mask
        Shape (Y, X) bool.
    flat
        Their places in a flattened image, shape (n,) intp.
    y, x
        Their rows and columns, shape (n,) intp.
    """

    def __init__(self, mask_yx: NDArray[np.bool_]) -> None:
        self.mask = mask_yx
        self.flat = np.flatnonzero(mask_yx)
        self.y, self.x = np.divmod(self.flat, mask_yx.shape[1])

    @property
    def size(self) -> int:
        """How many pixels there are."""
        return int(self.flat.size)

    def values(self, image_yx: NDArray[Any]) -> NDArray[Any]:
        """Return an image's values at these pixels, shape (n,)."""
        return np.take(image_yx, self.flat)

    def at(self, y: NDArray[np.floating[Any]], x: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """Return the places, as in `flat`, of the pixels nearest to points, shape (n,).

        Points beyond the image count as lying at its rim, those that are not a number at 0.
        """
        height, width = self.mask.shape
        rows = (np.fmin(np.fmax(y, 0.0), height - 1) + 0.5).astype(np.intp)
        columns = (np.fmin(np.fmax(x, 0.0), width - 1) + 0.5).astype(np.intp)
        places: NDArray[np.intp] = rows * width + columns
        return places

    def label_image(
        self, numbers_n: NDArray[np.int32], *, least_area_px: float, least_share_of_median: float
    ) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of the number that each pixel has been given.

        Pixels with the number 0 belong to no seed: each connected piece of them (4 neighbours) is an object of its
        own. Small objects go, as `size_cut.renumbering` says.
        """
        numbers_n = numbers_n + self._seedless(numbers_n)
        area = np.bincount(numbers_n)
        renumbered = renumbering(area, least_area_px=least_area_px, least_share_of_median=least_share_of_median)
        labels = np.zeros(self.mask.shape, np.int32)
        labels.ravel()[self.flat] = renumbered[numbers_n]
        return labels

    def _seedless(self, numbers_n: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return new numbers for pixels that have the number 0, and 0 for the others, shape (n,)."""
        missing = numbers_n == 0
        new = np.zeros_like(numbers_n)
        if missing.any():
            pieces = SCRATCH.filled("pieces", self.mask.shape, np.uint8, 0)
            pieces.ravel()[self.flat[missing]] = 1
            components = SCRATCH.array("components", self.mask.shape, np.int32)
            _, components = cv2.connectedComponents(pieces, components, connectivity=4)
            new[missing] = np.take(np.asarray(components), self.flat[missing]) + numbers_n.max()
        return new
