"""Targets: what the network should answer for a crop, drawn from its labels and the table of its objects."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

HEAT_WIDTH: Final = 0.2
"""Sigma of the centre heat as a share of the object's diameter."""

OFFSET_UNIT_PX: Final = 10.0
"""The network learns offsets in this unit, so that their loss weighs about as much as the others."""

TOUCHING_WEIGHT: Final = 3.0
IGNORED: Final = -1
"""Label of pixels about which nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTable:
    """Centres and diameters by label; row 0 is background.

    Attributes
    ----------
    y_px, x_px
        Centroids, shape (labels + 1,), float32.
    diameter_px
        Diameter of the disc of equal area, shape (labels + 1,), float32; 0 where the label is absent.
    """

    y_px: NDArray[np.float32]
    x_px: NDArray[np.float32]
    diameter_px: NDArray[np.float32]

    def mapped(self, affine: NDArray[np.float64]) -> "ObjectTable":
        """Return the table after the 2 x 3 affine [x', y'] = A [x, y, 1]; diameters scale with its area."""
        x, y = self.x_px, self.y_px
        scale = float(abs(np.linalg.det(affine[:, :2])) ** 0.5)
        return ObjectTable(
            y_px=(affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]).astype(np.float32),
            x_px=(affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]).astype(np.float32),
            diameter_px=(self.diameter_px * scale).astype(np.float32),
        )

    @property
    def mean_diameter_px(self) -> float:
        """Mean over the objects; 0 when there are none."""
        present = self.diameter_px[self.diameter_px > 0]
        return float(present.mean()) if present.size else 0.0


def table_of(labels_yx: NDArray[Any]) -> ObjectTable:
    """Measure centroids and diameters of a label image, shape (Y, X), values >= 0."""
    flat = labels_yx.ravel()
    area = np.bincount(flat).astype(np.float64)
    rows, columns = np.divmod(np.arange(flat.size), labels_yx.shape[1])
    divisor = np.maximum(area, 1)
    diameter = np.sqrt(4 * area / np.pi)
    diameter[0] = 0
    return ObjectTable(
        y_px=(np.bincount(flat, rows) / divisor).astype(np.float32),
        x_px=(np.bincount(flat, columns) / divisor).astype(np.float32),
        diameter_px=diameter.astype(np.float32),
    )


def draw_targets(labels_yx: NDArray[np.float32], objects: ObjectTable) -> NDArray[np.float32]:
    """Draw foreground, centre heat, offset y, offset x and weight.

    Parameters
    ----------
    labels_yx
        Shape (Y, X) float32 (the type that cv2 warps) with whole values; `IGNORED` where nothing is known.
    objects
        Centres in the pixels of `labels_yx`. They may lie outside: an object cut by the crop keeps its true centre.

    Returns
    -------
    NDArray
        Shape (5, Y, X) float32; offsets in units of `OFFSET_UNIT_PX`; weight 0 where ignored, `TOUCHING_WEIGHT`
        within two pixels of two objects, else 1.
    """
    height, width = labels_yx.shape
    inside = labels_yx > 0
    index = np.where(inside, labels_yx, 0).astype(np.intp)
    offset_y = objects.y_px[index] - np.arange(height, dtype=np.float32)[:, None]
    offset_x = objects.x_px[index] - np.arange(width, dtype=np.float32)[None, :]
    sigma = np.maximum(HEAT_WIDTH * objects.diameter_px[index], 1.0)
    out = np.zeros((5, height, width), np.float32)
    out[0] = inside
    out[1] = np.exp(-(offset_y**2 + offset_x**2) / (2 * sigma**2)) * inside
    out[2] = offset_y * inside / OFFSET_UNIT_PX
    out[3] = offset_x * inside / OFFSET_UNIT_PX
    out[4] = np.where(touching(labels_yx), TOUCHING_WEIGHT, 1.0) * (labels_yx != IGNORED)
    return out


def touching(labels_yx: NDArray[np.float32], reach_px: int = 2) -> NDArray[np.bool_]:
    """Mark pixels that have two different objects within `reach_px` (a square neighbourhood), shape (Y, X)."""
    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    largest = cv2.dilate(labels_yx, kernel)
    smallest = cv2.erode(np.where(labels_yx > 0, labels_yx, np.float32(1e9)), kernel)
    return np.asarray((largest > 0) & (smallest < largest))
