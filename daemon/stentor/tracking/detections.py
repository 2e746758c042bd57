"""Detections: the objects of one frame as a tracker sees them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stentor.core.finding import Objects

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Columns of equal length n, float64.

    Attributes
    ----------
    y_px, x_px
        Centroids.
    area_px
        Number of pixels.
    light
        Mean intensity, or 1 where the table has none.
    """

    y_px: Column
    x_px: Column
    area_px: Column
    light: Column

    def __len__(self) -> int:
        return len(self.y_px)

    @property
    def place(self) -> Column:
        """Centroids as rows (y, x), shape (n, 2)."""
        return np.column_stack([self.y_px, self.x_px])


def detections_of(objects: Objects) -> Detections:
    """Read a table with `y_px`, `x_px`, `area_px` and, where there is one, `mean_intensity`."""
    y_px, x_px, area_px = (objects[name].astype(np.float64) for name in ("y_px", "x_px", "area_px"))
    light = np.ones(len(objects))
    if "mean_intensity" in objects and len(objects):
        light = np.maximum(objects["mean_intensity"].astype(np.float64), 1e-9)
    return Detections(y_px, x_px, np.maximum(area_px, 1.0), light)
