"""Linking: which detection continues which track, all at once and at the least cost."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from stentor.tracking.detections import Detections
from stentor.tracking.tracks import Tracks

MOST_OF_A_LOOK: Final = 2.5
"""Cost of any change of size or brightness is bounded: a cell in mitosis changes both beyond recognition."""

UNLINKED: Final = 8.5
"""Cost of leaving a track and a detection unlinked."""

TAIL: Final = 4.0
"""Steps have heavier tails than a normal distribution's: cells that rest for long set off, divide, or are pushed.
The cost of a distance is TAIL log(1 + z^2 / (2 TAIL)), as of Student's t, and z^2 / 2 for small z.
"""

MISSED: Final = 0.7
"""Further cost of a track for every frame in which it was not seen."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How objects of this field move.

    Attributes
    ----------
    step_px
        Standard deviation of a step along one axis, from one frame to the next.
    reach_px
        No object goes further in one frame.
    area_sd, light_sd
        Typical change of area and light from frame to frame, as the standard deviation of the logarithm.
    """

    step_px: float
    reach_px: float
    area_sd: float
    light_sd: float


def link(
    tracks: Tracks, expected_yx: NDArray[np.float64], found: Detections, motion: Motion, elapsed: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows of tracks and rows of detections that belong together, each at most once.

    Parameters
    ----------
    expected_yx
        Where each track should be now, shape (tracks, 2).
    elapsed
        Frames since each track was seen, shape (tracks,), at least 1: the further back, the less is known.
    """
    track, detection, cost = _candidates(tracks, expected_yx, found, motion, elapsed)
    return _assigned(track, detection, cost, len(tracks), len(found))


def _candidates(
    tracks: Tracks, expected_yx: NDArray[np.float64], found: Detections, motion: Motion, elapsed: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return pairs within reach that cost less than staying unlinked: rows of tracks, of detections, and costs."""
    spread = motion.step_px * np.sqrt(elapsed)
    farthest = float(motion.reach_px * np.sqrt(elapsed.max()))
    near = cKDTree(expected_yx).sparse_distance_matrix(cKDTree(found.place), farthest, output_type="ndarray")
    track, detection, distance = near["i"].astype(np.intp), near["j"].astype(np.intp), near["v"]
    cost = TAIL * np.log1p((distance / spread[track]) ** 2 / (2 * TAIL)) + MISSED * (elapsed[track] - 1)
    for before, now, deviation in (
        (tracks.area_px, found.area_px, motion.area_sd),
        (tracks.light, found.light, motion.light_sd),
    ):
        change = np.log(now[detection] / before[track]) / deviation
        cost += np.minimum(0.5 * change**2, MOST_OF_A_LOOK)
    kept = (cost < UNLINKED) & (distance <= motion.reach_px * np.sqrt(elapsed[track]))
    return track[kept], detection[kept], cost[kept]


def _assigned(
    track: NDArray[np.intp], detection: NDArray[np.intp], cost: NDArray[np.float64], tracks: int, detections: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Solve the assignment, island by island: pairs that share no object do not know of each other."""
    graph = csr_matrix((np.ones(len(track)), (track, tracks + detection)), shape=(tracks + detections,) * 2)
    islands, island_of = connected_components(graph, directed=False)
    of_pair = island_of[track]
    order = np.argsort(of_pair, kind="stable")
    bounds = np.searchsorted(of_pair[order], np.arange(islands + 1))
    chosen: list[NDArray[np.intp]] = []
    for start, stop in pairwise(bounds):
        pairs = order[start:stop]
        if len(pairs) > 1:
            pairs = _best(pairs, track[pairs], detection[pairs], cost[pairs])
        chosen.append(pairs)
    kept = np.concatenate(chosen) if chosen else np.zeros(0, np.intp)
    return track[kept], detection[kept]


def _best(
    pairs: NDArray[np.intp], track: NDArray[np.intp], detection: NDArray[np.intp], cost: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return those pairs of one island that together cost least, an unlinked pair costing `UNLINKED`."""
    rows, row = np.unique(track, return_inverse=True)
    columns, column = np.unique(detection, return_inverse=True)
    table = np.full((len(rows), len(columns)), UNLINKED)
    which = np.full(table.shape, -1, np.intp)
    table[row, column] = cost
    which[row, column] = pairs
    best = which[linear_sum_assignment(table)]
    return np.asarray(best[best >= 0], np.intp)
