"""Division: whether two objects are the daughters of a third, by size, place and likeness."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from stentor.tracking.settings import TrackerSettings

LARGEST_DAUGHTER: Final = 0.5
"""Typical area of a daughter when first seen, as a share of its mother's before mitosis."""

SIZE_SD: Final = 0.40
AREA_ALIKE_SD: Final = 0.22
LIGHT_ALIKE_SD: Final = 0.30
"""Typical difference between sisters, as logarithms; the two halves of a nucleus that is falling apart differ more."""

CONDENSED: Final = 0.35
"""Typical gain of light of daughters over their mother at rest, as a logarithm: their chromatin is still condensed."""

CONDENSED_SD: Final = 0.15
MOST_OF_LIGHT: Final = 3.0
"""No division is refused for the want of condensed chromatin alone: not every stain shows it."""

MOST: Final = 4.5
"""A pair with a larger cost is no pair of daughters."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object as a candidate: place in pixels, area, and light, each as last seen."""

    y_px: float
    x_px: float
    area_px: float
    light: float


def division_cost(
    mother: Sighting, one: Sighting, other: Sighting, *, diameter_px: float, step_px: float, settings: TrackerSettings
) -> float:
    """Tell how little two objects look like daughters, 0 being perfect; infinite when they cannot be.

    Half the squared deviations of: each daughter's share of the mother's area from `LARGEST_DAUGHTER`, their likeness
    in area and light, the distance of their middle from where the mother was; and, bounded, of their gain of light
    below `CONDENSED`.

    Parameters
    ----------
    mother
        With its largest area and its least light of the last frames, those before mitosis.
    diameter_px
        Of a typical object of the field.
    step_px
        Standard deviation of a step along one axis.
    """
    shares = np.array([one.area_px, other.area_px]) / mother.area_px
    apart_px = float(np.hypot(one.y_px - other.y_px, one.x_px - other.x_px))
    if shares.max() > settings.least_shrink or apart_px > settings.daughters_apart * diameter_px + step_px:
        return float("inf")
    middle_y, middle_x = (one.y_px + other.y_px) / 2, (one.x_px + other.x_px) / 2
    off_px = float(np.hypot(middle_y - mother.y_px, middle_x - mother.x_px))
    spread_px = 0.25 * diameter_px + step_px
    terms = np.array(
        [
            np.log(shares[0] / LARGEST_DAUGHTER) / SIZE_SD,
            np.log(shares[1] / LARGEST_DAUGHTER) / SIZE_SD,
            np.log(one.area_px / other.area_px) / AREA_ALIKE_SD,
            np.log(one.light / other.light) / LIGHT_ALIKE_SD,
            off_px / spread_px,
        ]
    )
    gain = np.log(min(one.light, other.light) / mother.light)
    light = 0.5 * max(0.0, (CONDENSED - gain) / CONDENSED_SD) ** 2
    cost = float(0.5 * (terms**2).sum() + min(light, MOST_OF_LIGHT))
    return cost if cost <= MOST else float("inf")
