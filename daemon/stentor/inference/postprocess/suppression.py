"""Suppression: of all polygons that describe one object, the most probable one is kept."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from stentor.inference.postprocess.star_polygons import StarPolygons, Stencils

ROUNDS: Final = 24
"""Real maps need three to six; what noise still offers after so many is given up."""

NEIGHBOURS: Final = 8
"""A polygon is compared with so many of the nearest kept in one round, which bounds the work."""

WINDOW: Final = np.ones((5, 5), np.uint8)
PIECE: Final = 8192
"""Pairs compared at once, small enough for the processor's cache."""


def suppress(
    polygons: StarPolygons, probability_n: NDArray[np.float32], *, overlap: float, spacing_px: float, most: int
) -> NDArray[np.intp]:
    """Return the polygons that are kept, in falling order of probability.

    The rule is the usual greedy one: from the most probable downwards, a polygon is kept unless it shares more than
    `overlap` of the smaller area with one kept before. Here it is followed in rounds, so that arrays are long: kept are
    at once all those most probable among their neighbours that do not rule each other out; then what they rule out
    goes.

    Parameters
    ----------
    polygons
        n of them.
    probability_n
        Shape (n,).
    spacing_px
        Neighbours are those within about two of this; a fifth to a third of an object's radius.
    most
        No more are kept.

    References
    ----------
    Schmidt et al. 2018, MICCAI, "Cell detection with star-convex polygons".
    """
    # Equals are ordered at random, or a plateau would offer one polygon a round.
    scattered = np.random.default_rng(0).permutation(len(polygons))
    rank = np.empty(len(polygons), np.float32)
    rank[np.lexsort((scattered, probability_n))] = np.arange(1, len(polygons) + 1, dtype=np.float32)
    cells = _Cells(polygons, spacing_px)
    alive = np.argsort(-rank)
    kept: list[NDArray[np.intp]] = []
    for _ in range(ROUNDS):
        if not alive.size or sum(map(len, kept)) >= most:
            break
        best = alive[cells.are_highest(alive, rank)][:most]
        new = best[_unrivalled(polygons[best], overlap)]
        kept.append(new)
        alive = alive[~_ruled_out(polygons, alive, new, cells, overlap)]
    found = np.concatenate([*kept, np.zeros(0, np.intp)])
    return found[np.argsort(-rank[found])][:most]


class _Cells:
    """A coarse grid over the centres."""

    def __init__(self, polygons: StarPolygons, spacing_px: float) -> None:
        self.row = (polygons.y / spacing_px).astype(np.intp)
        self.column = (polygons.x / spacing_px).astype(np.intp)
        self._shape = (int(self.row.max(initial=0)) + 1, int(self.column.max(initial=0)) + 1)

    def are_highest(self, falling: NDArray[np.intp], rank: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell of polygons, given in falling order of rank, which have the highest of their neighbourhood."""
        highest = np.zeros(self._shape, np.float32)
        rising = falling[::-1]
        highest[self.row[rising], self.column[rising]] = rank[rising]  # the last one written stays
        around = np.asarray(cv2.dilate(highest, WINDOW))
        return np.asarray(rank[falling] == around[self.row[falling], self.column[falling]])

    def nearest(self, of: NDArray[np.intp], to: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return for each polygon `of` which of the polygons `to` is about the nearest, as an index into `to`."""
        free = np.ones(self._shape, np.uint8)
        free[self.row[to], self.column[to]] = 0
        _, piece = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
        owner: NDArray[np.intp] = np.zeros(int(piece.max()) + 1, np.intp)
        owner[piece[self.row[to], self.column[to]]] = np.arange(to.size)
        found: NDArray[np.intp] = np.take(owner, piece[self.row[of], self.column[of]])
        return found


def _unrivalled(best: StarPolygons, overlap: float) -> NDArray[np.bool_]:
    """Tell which of polygons, the most probable first, share too much with none before them, shape (n,)."""
    pairs = _near_pairs(best, best)
    pairs = pairs[:, pairs[0] > pairs[1]]
    rivals = pairs[0][_shares_too_much(best, Stencils(best), pairs, overlap)]
    free = np.ones(len(best), np.bool_)
    free[rivals] = False
    return free


def _ruled_out(
    polygons: StarPolygons, alive: NDArray[np.intp], new: NDArray[np.intp], cells: _Cells, overlap: float
) -> NDArray[np.bool_]:
    """Tell which of the living polygons share too much with a new one, itself included, shape (alive,)."""
    winners = polygons[new]
    stencils = Stencils(winners)
    gone = np.isin(alive, new)
    # Nearly all fall to the nearest one, which costs no search.
    left = np.flatnonzero(~gone)
    first = np.stack([left, cells.nearest(alive[left], new)])
    gone[left] = _shares_too_much(polygons[alive], stencils, first, overlap)
    left = np.flatnonzero(~gone)
    rest = _near_pairs(polygons[alive[left]], winners)
    rest[0] = left[rest[0]]
    gone[rest[0][_shares_too_much(polygons[alive], stencils, rest, overlap)]] = True
    return gone


def _near_pairs(one: StarPolygons, other: StarPolygons) -> NDArray[np.intp]:
    """Return pairs of each of `one` with its nearest of `other`, shape (2, pairs)."""
    count = min(NEIGHBOURS, len(other))
    if not len(one):
        return np.zeros((2, 0), np.intp)
    tree = cKDTree(np.column_stack([other.y, other.x]))
    near = tree.query(np.column_stack([one.y, one.x]), k=np.arange(1, count + 1))[1]
    return np.stack([np.repeat(np.arange(len(one)), count), near.ravel()])


def _shares_too_much(
    polygons: StarPolygons, stencils: Stencils, pairs: NDArray[np.intp], overlap: float
) -> NDArray[np.bool_]:
    """Tell of pairs (polygon, stencil) whether they share more than `overlap` of the smaller area, shape (pairs,)."""
    far = stencils.are_apart(pairs[1], polygons, pairs[0])
    answer = np.zeros(pairs.shape[1], np.bool_)
    asked = np.flatnonzero(~far)
    for start in range(0, asked.size, PIECE):
        piece = asked[start : start + PIECE]
        answer[piece] = stencils.overlap(pairs[1, piece], polygons[pairs[0, piece]]) > overlap
    return answer
