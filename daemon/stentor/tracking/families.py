"""Families: which young tracks may be the daughters of which, likeliest first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stentor.tracking.division import Sighting, division_cost
from stentor.tracking.settings import TrackerSettings
from stentor.tracking.tracks import Tracks


class Family(NamedTuple):
    """Rows of a mother and of two daughters; a mother that goes on is her own first daughter."""

    mother: int
    one: int
    other: int


def families(
    tracks: Tracks, young: NDArray[np.intp], *, diameter_px: float, step_px: float, settings: TrackerSettings
) -> list[Family]:
    """Return what could be families, of the least cost first: a lost mother has two young tracks, one who goes on one.

    Parameters
    ----------
    young
        Rows of the tracks that may be daughters, rising.
    diameter_px, step_px
        Of the field's objects: the median diameter, and the standard deviation of a step along one axis.
    """
    found: list[tuple[float, Family]] = []
    place = np.column_stack([tracks.y_px, tracks.x_px])
    for position, daughter in enumerate(young):
        near = np.flatnonzero(
            np.hypot(*(place - place[daughter]).T) <= settings.daughters_apart * diameter_px + step_px
        )
        for mother in near:
            if mother == daughter or tracks.age_frames[mother] <= tracks.age_frames[daughter]:
                continue
            possible: list[Family] = []
            if tracks.missed_frames[mother] == 0:
                possible = [Family(int(mother), int(mother), int(daughter))]
            elif tracks.missed_frames[mother] >= tracks.age_frames[daughter]:
                sisters = np.intersect1d(young[position + 1 :], near)
                possible = [Family(int(mother), int(daughter), int(sister)) for sister in sisters]
            found += [(_cost(tracks, family, diameter_px, step_px, settings), family) for family in possible]
    return [family for cost, family in sorted(found, key=lambda item: item[0]) if np.isfinite(cost)]


def _cost(tracks: Tracks, family: Family, diameter_px: float, step_px: float, settings: TrackerSettings) -> float:
    def sighting(row: int) -> Sighting:
        place = float(tracks.y_px[row]), float(tracks.x_px[row])
        return Sighting(*place, float(tracks.area_px[row]), float(tracks.light[row]))

    mother, one, other = family
    goes_on = mother == one
    parent = Sighting(
        float(tracks.y_px[mother] - goes_on * tracks.vy_px[mother]),
        float(tracks.x_px[mother] - goes_on * tracks.vx_px[mother]),
        float(tracks.largest_area_px[mother]),
        float(tracks.resting_light[mother]),
    )
    return division_cost(
        parent,
        sighting(one),
        sighting(other),
        diameter_px=max(diameter_px, float(np.sqrt(4 / np.pi * parent.area_px))),
        step_px=step_px,
        settings=settings,
    )
