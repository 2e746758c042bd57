"""Target: the nucleus in the middle of the first image, through its divisions to its death, and how far off it was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stentor.rehearsal.performance import Performance, Shot

ON_TARGET: Final = 0.1
"""Of the image's sides: no further than this from the middle, to either side."""


def target_track(performance: Performance) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return, for every image from the first to the target's death, how far it lay from the middle.

    After a division either daughter may be followed, one and the same from then on: the line of descent is taken that
    was on target longest.

    Returns
    -------
    offsets
        Shape (n, 2): column and row from the middle, as shares of width and height; NaN where it was not in the image.
    near
        Shape (n,): whether both are within `ON_TARGET`.
    """
    shots = [shot for shot in performance.shots if not shot.is_asked]
    first = next((_nearest(shot) for shot in shots if len(shot.ids)), None)
    if first is None:
        return np.full((len(shots), 2), np.nan), np.zeros(len(shots), bool)
    daughters = {division.parent: division.daughters for division in performance.divisions}
    near_images = Counter(number for shot in shots for number in shot.ids[_is_near(_away(shot))].tolist())
    _, line = _longest(first, daughters, near_images)
    offsets = _offsets(shots, line, performance.deaths.get(line[-1]))
    return offsets, _is_near(offsets)


def _nearest(shot: Shot) -> int:
    return int(shot.ids[np.hypot(*_away(shot).T).argmin()])


def _away(shot: Shot) -> NDArray[np.float64]:
    sides_px = np.array(shot.shape_yx[::-1])
    away: NDArray[np.float64] = (shot.centroids_px - (sides_px - 1) / 2) / sides_px
    return away


def _longest(
    first: int, daughters: Mapping[int, tuple[int, int]], near_images: Mapping[int, int]
) -> tuple[int, list[int]]:
    """Return the line of descent that is near in most images, and in how many."""
    images, line = max((_longest(child, daughters, near_images) for child in daughters.get(first, ())), default=(0, []))
    return near_images.get(first, 0) + images, [first, *line]


def _offsets(shots: Sequence[Shot], line: Sequence[int], died_s: float | None) -> NDArray[np.float64]:
    alive = [shot for shot in shots if died_s is None or shot.time_s < died_s]
    offsets = np.full((len(alive), 2), np.nan)
    for row, shot in enumerate(alive):
        (found,) = np.nonzero(np.isin(shot.ids, line))
        if len(found):
            offsets[row] = _away(shot)[found[0]]
    return offsets


def _is_near(offsets: NDArray[np.float64]) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.nan_to_num(np.abs(offsets).max(axis=1, initial=0.0), nan=1.0) <= ON_TARGET
    return near
