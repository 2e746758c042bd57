"""Tracks: what a tracker remembers of the objects it follows, one row each."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stentor.tracking.view import ChangeOfView

HISTORY = 5
"""Frames over which areas are remembered: a mother condenses and divides within fewer."""

TOWARDS: Final = 0.2
AWAY: Final = 0.003
"""Weights of the newest value in what is usual: of a nucleus at rest, and of one that has condensed, which may take 50
frames to divide and is to be told from the others all the while."""


@dataclass(slots=True, eq=False)
class Tracks:
    """Columns of equal length; rows are added at birth and removed when a track is lost or divides.

    Attributes
    ----------
    track_id, parent_id
        int32; parent 0: none.
    y_px, x_px, vy_px, vx_px
        Where last seen, and the step before that, float64.
    area_px, light
        As last seen, float64.
    usual_area_px, usual_light
        An area that it rarely exceeds and a light that it rarely falls below: `expectile` of its past, float64.
    areas_px, lights
        Of the last frames in which it was seen, newest first, shape (n, HISTORY), NaN where younger.
    age_frames, missed_frames
        Since birth; since last seen, 0: seen in the newest frame.
    row
        Row in the newest frame's table; -1: not seen in it.
    is_first
        Whether it was there in the first frame, so that its birth means nothing.
    """

    track_id: NDArray[np.int32]
    parent_id: NDArray[np.int32]
    y_px: NDArray[np.float64]
    x_px: NDArray[np.float64]
    vy_px: NDArray[np.float64]
    vx_px: NDArray[np.float64]
    area_px: NDArray[np.float64]
    light: NDArray[np.float64]
    usual_area_px: NDArray[np.float64]
    usual_light: NDArray[np.float64]
    areas_px: NDArray[np.float64]
    lights: NDArray[np.float64]
    age_frames: NDArray[np.int32]
    missed_frames: NDArray[np.int32]
    row: NDArray[np.int64]
    is_first: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.track_id)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Tracks":
        """Return some rows."""
        return Tracks(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def joined(self, other: "Tracks") -> "Tracks":
        """Return these rows, then the other's."""
        return Tracks(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            }
        )

    def change_view(self, change: ChangeOfView) -> None:
        """Write places, steps and areas in the pixels of a frame with another view, in place."""
        self.y_px, self.x_px = change.of(np.column_stack([self.y_px, self.x_px])).T.copy()
        self.vy_px, self.vx_px = change.matrix @ (self.vy_px, self.vx_px)
        self.area_px *= change.area_factor
        self.usual_area_px *= change.area_factor
        self.areas_px *= change.area_factor

    @property
    def largest_area_px(self) -> NDArray[np.float64]:
        """Largest area of the last frames, shape (n,)."""
        return np.fmax.reduce(self.areas_px, axis=1) if len(self) else np.zeros(0)

    @property
    def resting_light(self) -> NDArray[np.float64]:
        """Least light of the last frames, before chromatin condensed, shape (n,)."""
        return np.fmin.reduce(self.lights, axis=1) if len(self) else np.zeros(0)


def expectile(before: NDArray[np.float64], newest: NDArray[np.float64], *, is_upper: bool) -> NDArray[np.float64]:
    """Return running expectiles, shape (n,), with one more value each.

    An expectile is to the mean what a quantile is to the median (Newey & Powell 1987, Econometrica 55, 819): values on
    one side of it weigh more. It takes steps of `TOWARDS` up where `is_upper`, else down, and of `AWAY` the other way.
    """
    surprise = newest - before
    weight: NDArray[np.float64] = np.where((surprise > 0) == is_upper, TOWARDS, AWAY)
    return before + weight * surprise


def new_tracks(
    track_id: NDArray[np.int32],
    *,
    y_px: NDArray[np.float64],
    x_px: NDArray[np.float64],
    area_px: NDArray[np.float64],
    light: NDArray[np.float64],
    row: NDArray[np.int64],
    is_first: bool,
) -> Tracks:
    """Return newborn tracks, one for each id; all other columns have its shape (n,)."""
    count = len(track_id)
    areas, lights = np.full((2, count, HISTORY), np.nan)
    areas[:, 0], lights[:, 0] = area_px, light
    return Tracks(
        track_id=track_id,
        parent_id=np.zeros(count, np.int32),
        y_px=y_px.copy(),
        x_px=x_px.copy(),
        vy_px=np.zeros(count),
        vx_px=np.zeros(count),
        area_px=area_px.copy(),
        light=light.copy(),
        usual_area_px=area_px.copy(),
        usual_light=light.copy(),
        areas_px=areas,
        lights=lights,
        age_frames=np.zeros(count, np.int32),
        missed_frames=np.zeros(count, np.int32),
        row=row.copy(),
        is_first=np.full(count, is_first),
    )
