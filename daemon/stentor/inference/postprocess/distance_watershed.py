"""Distance watershed: hills of distance to the background are objects, and meet in the valleys between them."""

from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from stentor.inference.postprocess.foreground import Foreground
from stentor.inference.postprocess.scratch import SCRATCH

NEIGHBOURS: Final = 8
"""A peak is compared with so many of its nearest, which bounds the work."""

SAMPLES: Final = 24
"""Heights read along the way from one peak to another."""


class DistanceWatershed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reads foreground and, if there is one, a map that is highest in the middle of each object.

    Every pixel climbs to the highest of its eight neighbours until it stands on a peak (`ascent`). Two neighbouring
    peaks are one object when the straight way between them loses less than `prominence` of the lower one, which joins
    the neighbour with the highest such way only: a cheap form of the h-maxima transform. cv2.watershed is of no use
    here: it floods by the difference of neighbours, not by height, and let background into half of the pixels.

    Attributes
    ----------
    foreground
        Pixels above are object.
    distance_channel
        Channel of the map, in any unit; -1: the distance to the background is computed from the foreground.
    smooth_px
        Sigma of the Gaussian that is applied to the map; 0: none.
    prominence
        Share of its height, 0 to 1, that a peak must rise above the way to a neighbour to be an object of its own.
    least_height
        Peaks lower than this, in the unit of the map, count for none; what climbs to them becomes objects of its own.
    most_objects
        Where there are more peaks, only so many of the highest count.
    least_area_px, least_share_of_median
        See `size_cut.renumbering`.

    References
    ----------
    Soille 2003, "Morphological Image Analysis", on watersheds and h-maxima.
    """

    foreground: float = 0.5
    distance_channel: int = -1
    smooth_px: float = 1.5
    prominence: float = 0.15
    least_height: float = 1.0
    most_objects: int = 20000
    least_area_px: float = 10.0
    least_share_of_median: float = 0.1

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of maps (C, Y, X)."""
        foreground = Foreground(maps_cyx[0] > self.foreground)
        numbers = np.zeros(foreground.size, np.int32)
        if foreground.size:
            height = self._height(maps_cyx, foreground)
            numbers = self._hills(height, foreground, ascent(height, foreground))
        return foreground.label_image(
            numbers, least_area_px=self.least_area_px, least_share_of_median=self.least_share_of_median
        )

    def _height(self, maps_cyx: NDArray[np.float32], foreground: Foreground) -> NDArray[np.float32]:
        """Return the smoothed map, 0 outside objects and where it is not finite, shape (Y, X) float32."""
        if self.distance_channel < 0:
            # The border of the image is no edge of an object that it cuts.
            height = SCRATCH.array("height", foreground.mask.shape, np.float32)
            height = cv2.distanceTransform(foreground.mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, height)
        else:
            given = np.fmax(foreground.values(maps_cyx[self.distance_channel]), 0.0)
            height = SCRATCH.filled("height", foreground.mask.shape, np.float32, 0.0)
            height.ravel()[foreground.flat] = np.where(np.isfinite(given), given, 0.0)
        limit = float(max(foreground.mask.shape))
        height = np.minimum(height, np.float32(limit), out=height)  # no zero in the image: a distance without end
        if self.smooth_px > 0:
            smooth = SCRATCH.array("smooth", height.shape, np.float32)
            height = cv2.GaussianBlur(height, (0, 0), self.smooth_px, smooth)
        return np.asarray(height, np.float32)

    def _hills(
        self, height_yx: NDArray[np.float32], foreground: Foreground, peak_n: NDArray[np.intp]
    ) -> NDArray[np.int32]:
        """Return the object, 1..m, that each pixel belongs to by its peak, shape (n,); 0: its peak counts for none."""
        peaks = np.flatnonzero(peak_n == np.arange(peak_n.size))
        height = height_yx[foreground.y[peaks], foreground.x[peaks]]
        order = np.argsort(-height, kind="stable")
        peaks = peaks[order][: min(self.most_objects, int(np.count_nonzero(height >= self.least_height)))]
        number = np.zeros(peak_n.size, np.int32)
        if peaks.size:
            parent = self._parents(height_yx, foreground.mask, foreground.y[peaks], foreground.x[peaks])
            number[peaks] = roots(parent) + 1
        return np.asarray(np.take(number, peak_n))

    def _parents(
        self, height_yx: NDArray[np.float32], mask_yx: NDArray[np.bool_], y: NDArray[np.intp], x: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return for each peak, the highest first, the one before it with which it is one object, or itself."""
        points = np.column_stack([y, x])
        count = min(NEIGHBOURS + 1, y.size)
        near = cKDTree(points).query(points, k=np.arange(1, count + 1))[1]
        ways = (
            points[:, None, None] + (points[near] - points[:, None])[:, :, None] * np.linspace(0, 1, SAMPLES)[:, None]
        )
        rows, columns = np.moveaxis(np.rint(ways).astype(np.intp), -1, 0)
        saddle = (height_yx[rows, columns] * mask_yx[rows, columns]).min(axis=2)
        itself = np.arange(y.size)
        is_one = (near < itself[:, None]) & (saddle > (1.0 - self.prominence) * height_yx[y, x][:, None])
        best = np.where(is_one, saddle, -1.0).argmax(axis=1)
        return np.where(is_one.any(axis=1), near[itself, best], itself)


def ascent(height_yx: NDArray[np.float32], foreground: Foreground) -> NDArray[np.intp]:
    """Return the peak on which the climb from each object pixel ends, as an index into their list, shape (n,).

    Each step goes to the highest of the eight neighbours that are objects, among equals to the last in reading order.
    Pointers are doubled: after k rounds each has taken 2**k steps.
    """
    # A rim of -1 above and below, and one column between the end of a row and the beginning of the next.
    width = height_yx.shape[1] + 1
    steps = np.array([-width - 1, -width, -width + 1, -1, 0, 1, width - 1, width, width + 1])
    margin = width + 1
    padded = SCRATCH.filled("padded", (height_yx.shape[0] * width + 2 * margin,), np.float32, -1.0)
    places = foreground.flat + foreground.y
    best = foreground.values(height_yx)
    padded[margin:][places] = best
    way = np.full(places.size, 4, np.uint8)
    for number, step in enumerate(steps):
        beside = np.take(padded[margin + step :], places)
        better = beside > best if step < 0 else beside >= best
        np.copyto(best, beside, where=better)
        np.copyto(way, np.uint8(number), where=better)
    listed = SCRATCH.array("listed", padded.shape, np.int32)
    listed[places] = np.arange(places.size, dtype=np.int32)
    return roots(np.take(listed, places + np.take(steps, way)).astype(np.intp))


def roots(parent_n: NDArray[np.intp]) -> NDArray[np.intp]:
    """Follow each element's parent to the end, one that is its own: shape (n,), without rings longer than one."""
    while not np.array_equal(further := np.take(parent_n, parent_n), parent_n):
        parent_n = further
    return parent_n
