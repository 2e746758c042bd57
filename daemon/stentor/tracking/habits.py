"""Habits: how the objects of a field move and change from frame to frame, learned while they are followed."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from stentor.tracking.detections import Detections
from stentor.tracking.linking import Motion
from stentor.tracking.tracks import Tracks

FIRST_STEP: Final = 0.35
"""Standard deviation of a step along one axis before any has been seen, in diameters."""

LEAST_STEP: Final = 0.1
FIRST_CHANGE: Final = 0.30
LEAST_CHANGE: Final = 0.08
"""The same for changes of area and light, as the standard deviation of the logarithm."""

LEARNING: Final = 0.3
"""Weight of the newest frame in what is known."""

ENOUGH: Final = 5
"""Fewer linked objects say nothing about all of them."""


class Habits:
    """Owned by one tracker: `expected` and `motion` before linking, `learn` after it.

    Parameters
    ----------
    reach
        No object goes further in a frame, in diameters.
    """

    def __init__(self, reach: float) -> None:
        self._reach = reach
        self._step_px: float | None = None
        self._persistence = 0.0
        self._area_sd = FIRST_CHANGE
        self._light_sd = FIRST_CHANGE

    def motion(self, diameter_px: float) -> Motion:
        """Return what is known, for objects of a median diameter."""
        step_px = FIRST_STEP * diameter_px if self._step_px is None else self._step_px
        return Motion(
            step_px=max(step_px, LEAST_STEP * diameter_px, 0.5),
            reach_px=max(self._reach * diameter_px, 2.0),
            area_sd=max(self._area_sd, LEAST_CHANGE),
            light_sd=max(self._light_sd, LEAST_CHANGE),
        )

    def change_scale(self, factor: float) -> None:
        """Go on with pixels of another size, of which a step takes `factor` times as many."""
        if self._step_px is not None:
            self._step_px *= factor

    def drift_yx(self, expected_yx: NDArray[np.float64], found: Detections, diameter_px: float) -> NDArray[np.float64]:
        """Return the shift (y, x) that brings most tracks onto an object, when the whole field has jumped; else 0.

        Every pair within reach votes for its displacement. A jump must have the votes of half of the objects, and
        twice those of staying.
        """
        motion = self.motion(diameter_px)
        near = cKDTree(expected_yx).sparse_distance_matrix(cKDTree(found.place), motion.reach_px, output_type="ndarray")
        if len(near) < ENOUGH:
            return np.zeros(2)
        apart = found.place[near["j"]] - expected_yx[near["i"]]
        votes = cKDTree(apart)
        width_px = 1.5 * motion.step_px
        counts = np.asarray(votes.query_ball_point(apart, width_px, return_length=True))
        stay = len(votes.query_ball_point(np.zeros(2), width_px))
        best = apart[counts.argmax()]
        if counts.max() < max(2 * stay, 0.5 * min(len(expected_yx), len(found)), ENOUGH):
            return np.zeros(2)
        return np.asarray(apart[votes.query_ball_point(best, width_px)].mean(axis=0))

    def expected(self, tracks: Tracks, waited: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where each track should be after waiting so many frames, shape (n, 2): part of its last step on."""
        steps = np.minimum(waited, 2.0) * self._persistence
        return np.column_stack([tracks.y_px + steps * tracks.vy_px, tracks.x_px + steps * tracks.vx_px])

    def learn(self, tracks: Tracks, known: NDArray[np.intp], found: Detections, detection: NDArray[np.intp]) -> None:
        """Learn from links over one frame; `tracks` are still as they were before."""
        waited = tracks.missed_frames[known]
        if not len(known):
            return
        recent = waited == waited.min()
        known, detection, frames = known[recent], detection[recent], float(waited.min())
        if len(known) < ENOUGH:
            return
        step = (found.place[detection] - np.column_stack([tracks.y_px, tracks.x_px])[known]) / frames
        before = np.column_stack([tracks.vy_px, tracks.vx_px])[known]
        old = tracks.age_frames[known] > frames
        if old.sum() >= ENOUGH:
            power = float((before[old] ** 2).sum())
            repeated = float((before[old] * step[old]).sum()) / power if power > 0 else 0.0
            self._persistence += LEARNING * (float(np.clip(repeated, 0.0, 1.0)) - self._persistence)
        surprise = step - self._persistence * before
        # The median of a Rayleigh distribution is 1.177 standard deviations along one axis.
        spread_px = float(np.median(np.hypot(*surprise.T))) / 1.177 * frames**0.5
        self._step_px = spread_px if self._step_px is None else self._step_px + LEARNING * (spread_px - self._step_px)
        self._area_sd += LEARNING * (_change(tracks.area_px[known], found.area_px[detection]) - self._area_sd)
        self._light_sd += LEARNING * (_change(tracks.light[known], found.light[detection]) - self._light_sd)


def _change(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the robust standard deviation of the logarithm of a ratio."""
    # The median of the size of a normal deviation is 0.6745 standard deviations.
    return float(np.median(np.abs(np.log(now / before)))) / 0.6745
