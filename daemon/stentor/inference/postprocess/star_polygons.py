"""Star polygons: outlines that are given by a centre and the distances to them along evenly turned rays."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

STENCIL_PX: Final = 64
"""Side of the stencil of a polygon, whatever its size: areas come within about a percent, and memory is bounded."""

CORNERS: Final = 32
"""Corners of the outlines whose overlap is measured, about: more add nothing, fewer lose a percent."""


class StarPolygons:
    """Some polygons, not to be changed.

    Attributes
    ----------
    y, x
        Centres in pixels, shape (n,) float32.
    rays
        Distances in pixels, shape (n, rays) float32; ray k leaves at 2 pi k / rays from the x axis towards the y axis.
    reach
        The longest ray of each, shape (n,) float32.
    area
        In pixels, shape (n,) float32.
    """

    def __init__(self, y: NDArray[Any], x: NDArray[Any], rays: NDArray[np.float32]) -> None:
        self.y, self.x = y.astype(np.float32), x.astype(np.float32)
        self.rays = rays
        self.reach: NDArray[np.float32] = rays.max(axis=1, initial=0.0)
        beside = np.roll(rays, -1, axis=1)
        self.area: NDArray[np.float32] = np.float32(0.5 * np.sin(2 * np.pi / rays.shape[1])) * (rays * beside).sum(
            axis=1
        )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, chosen: NDArray[Any]) -> "StarPolygons":
        """Return some of them, by index or mask."""
        part = object.__new__(StarPolygons)
        part.y, part.x, part.rays = self.y[chosen], self.x[chosen], self.rays[chosen]
        part.reach, part.area = self.reach[chosen], self.area[chosen]
        return part

    def corners(self, *, shrunk_px: float | NDArray[np.float32] = 0.0) -> NDArray[np.float32]:
        """Return the corners relative to the centres, shape (n, rays, 2) with x before y, each ray shortened."""
        angle = np.linspace(0, 2 * np.pi, self.rays.shape[1], endpoint=False, dtype=np.float32)
        length = np.maximum(self.rays - shrunk_px, np.float32(0.0))
        return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=-1)

    def draw(self, shape_yx: tuple[int, int]) -> NDArray[np.int32]:
        """Draw them with the numbers 1..n, later ones over earlier ones, shape (Y, X)."""
        labels = np.zeros(shape_yx, np.int32)
        # cv2.fillPoly also paints the pixels that an outline crosses: half a pixel less gives those inside.
        outlines = self.corners(shrunk_px=0.5) + np.stack([self.x, self.y], axis=-1)[:, None]
        fixed = np.rint(outlines * 16).astype(np.int32)
        for number, outline in enumerate(fixed, start=1):
            cv2.fillPoly(labels, [outline], number, shift=4)
        return labels


class Stencils:
    """Polygons drawn each into a square of its own, ready to be compared with many others."""

    def __init__(self, polygons: StarPolygons) -> None:
        self._polygons = polygons
        self._zoom = np.float32(STENCIL_PX / 2 - 2) / np.maximum(polygons.reach, np.float32(1e-3))
        sheet = np.zeros((len(polygons) * STENCIL_PX, STENCIL_PX), np.uint8)
        middle = np.full((len(polygons), 2), STENCIL_PX / 2, np.float32)
        middle[:, 1] += STENCIL_PX * np.arange(len(polygons), dtype=np.float32)
        # A quarter of a cell: what cv2.fillPoly paints too much along a round outline, measured on discs.
        margin = (np.float32(0.25) / self._zoom)[:, None].astype(np.float32)
        outlines = polygons.corners(shrunk_px=margin) * self._zoom[:, None, None] + middle[:, None]
        fixed = np.rint(outlines * 16).astype(np.int32)
        for outline in fixed:
            cv2.fillPoly(sheet, [outline], 1, shift=4)
        # Cells of the polygon to the left of a cell, by which an area is a sum along an outline (Green's theorem).
        self._left = np.cumsum(sheet, axis=1, dtype=np.uint8).ravel()
        self._first_row = STENCIL_PX * np.arange(len(polygons), dtype=np.int32)

    def are_apart(self, mine: NDArray[np.intp], others: StarPolygons, theirs: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell of pairs (stencil, other polygon) whether their longest rays together do not bridge the gap."""
        polygons = self._polygons
        gap = np.hypot(polygons.y[mine] - others.y[theirs], polygons.x[mine] - others.x[theirs])
        return np.asarray(gap >= polygons.reach[mine] + others.reach[theirs])

    def overlap(self, mine: NDArray[np.intp], others: StarPolygons) -> NDArray[np.float32]:
        """Return the common area over the smaller area of each pair, 0 to about 1, shape (n,).

        Parameters
        ----------
        mine
            Which of the stencils is compared with each of `others`, shape (n,).
        """
        polygons, zoom = self._polygons, self._zoom[mine]
        corners = others.corners()[:, :: max(1, others.rays.shape[1] // CORNERS)]
        following = np.roll(corners, -1, axis=1)
        rise = following[..., 1] - corners[..., 1]
        middle = np.float32(0.5) * (corners + following)
        half = np.float32(STENCIL_PX / 2)
        column = (middle[..., 0] + (others.x - polygons.x[mine])[:, None]) * zoom[:, None] + half
        row = (middle[..., 1] + (others.y - polygons.y[mine])[:, None]) * zoom[:, None] + half
        last = np.float32(STENCIL_PX - 1)
        cell = np.clip(row, 0, last).astype(np.int32) + self._first_row[mine, None]
        cell *= STENCIL_PX
        cell += np.clip(column, 0, last).astype(np.int32)
        common = np.abs((np.take(self._left, cell) * rise).sum(axis=1)) / zoom
        smaller = np.minimum(polygons.area[mine], others.area)
        return np.asarray(common / np.maximum(smaller, np.float32(1e-6)), np.float32)
