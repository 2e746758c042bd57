"""StarDist polygons: every pixel proposes the outline of its object, and the most probable proposals are drawn."""

from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.foreground import Foreground
from stentor.inference.postprocess.star_polygons import StarPolygons
from stentor.inference.postprocess.suppression import suppress

LEAST_RAY_PX: Final = 1e-3
SAMPLED: Final = 2000
"""Proposals from which the usual length of a ray is taken."""


class StardistPolygons(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reads the probability of an object and, for each of several rays, the distance to its outline in pixels.

    Of the proposals, a lattice is looked at whose step is a fifth of the usual ray, and every local maximum of the
    probability: neighbouring pixels propose the same outline. Beyond that it keeps what the `stardist` package keeps,
    within a percent of the objects.

    Attributes
    ----------
    probability
        Pixels above propose an outline.
    overlap
        Of two outlines that share more than this share of the smaller one, the less probable goes.
    grid
        Pixels of the image per pixel of the maps, along each axis.
    border_px
        Pixels of the maps so near to their border propose nothing.
    probability_channel, first_ray, rays
        Where the maps lie; rays = 0: all from `first_ray` to the last.
    most_proposals, most_objects
        Where there are more, the most probable count.
    least_area_px
        Smaller objects go; an object may be covered by more probable ones.

    References
    ----------
    Schmidt et al. 2018, MICCAI, "Cell detection with star-convex polygons".
    """

    probability: float = 0.5
    overlap: float = 0.5
    grid: int = 1
    border_px: int = 2
    probability_channel: int = 0
    first_ray: int = 1
    rays: int = 0
    most_proposals: int = 100_000
    most_objects: int = 10_000
    least_area_px: float = 1.0

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (grid Y, grid X), of maps (C, Y, X)."""
        shape = (self.grid * maps_cyx.shape[1], self.grid * maps_cyx.shape[2])
        kept = self.outlines(maps_cyx)
        drawn = kept[np.arange(len(kept))[::-1]].draw(shape)
        foreground = Foreground(drawn > 0)
        return foreground.label_image(
            foreground.values(drawn), least_area_px=self.least_area_px, least_share_of_median=0.0
        )

    def outlines(self, maps_cyx: NDArray[np.float32]) -> StarPolygons:
        """Return the outlines that are kept, the most probable first, in pixels of the image."""
        probability = maps_cyx[self.probability_channel]
        last = self.first_ray + self.rays if self.rays else len(maps_cyx)
        rays_kyx = maps_cyx[self.first_ray : last]
        limit = float(self.grid * np.hypot(*probability.shape))
        is_proposed = self._may_propose(probability)
        usual = _usual_ray(rays_kyx, is_proposed, limit)
        step = int(max(1.0, usual / (5.0 * self.grid)))
        y, x = np.nonzero(_thinned(is_proposed, probability, step))
        if y.size > self.most_proposals:
            best = np.argpartition(-probability[y, x], self.most_proposals)[: self.most_proposals]
            y, x = y[best], x[best]
        polygons = StarPolygons(self.grid * y, self.grid * x, _finite(rays_kyx[:, y, x].T, limit))
        kept = suppress(
            polygons, probability[y, x], overlap=self.overlap, spacing_px=max(1.0, usual / 5), most=self.most_objects
        )
        return polygons[kept]

    def _may_propose(self, probability_yx: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Mark pixels that are probable enough and not at the border, shape (Y, X)."""
        border = self.border_px
        proposed = probability_yx > self.probability
        if border > 0:
            proposed[:border] = proposed[-border:] = False
            proposed[:, :border] = proposed[:, -border:] = False
        return proposed


def _usual_ray(rays_kyx: NDArray[np.float32], is_proposed: NDArray[np.bool_], limit: float) -> float:
    """Return the median length of a ray among the proposals, in pixels of the image; 1 where there are none."""
    y, x = np.nonzero(is_proposed)
    every = max(1, y.size // SAMPLED)
    rays = _finite(rays_kyx[:, y[::every], x[::every]], limit)
    return float(np.median(rays)) if rays.size else 1.0


def _thinned(is_proposed: NDArray[np.bool_], probability_yx: NDArray[np.float32], step: int) -> NDArray[np.bool_]:
    """Mark the proposals on a lattice and those with no more probable pixel beside them, shape (Y, X)."""
    if step == 1:
        return is_proposed
    thinned = probability_yx >= np.asarray(cv2.dilate(probability_yx, np.ones((3, 3), np.uint8)))
    thinned[::step, ::step] = True
    return thinned & is_proposed


def _finite(rays: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """Return lengths between `LEAST_RAY_PX` and `limit`; what is not a number is the shortest."""
    bounded = np.fmin(np.fmax(rays, np.float32(LEAST_RAY_PX)), np.float32(limit))
    return np.ascontiguousarray(bounded, np.float32)
