"""Synthetic field: nuclei drawn by rule, with known truth, for test cases that carry nobody's data."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticField:
    """One drawn image.

    Attributes
    ----------
    image_yx
        Shape (Y, X) uint16 counts.
    labels_yx
        Shape (Y, X) int32, the truth.
    """

    image_yx: NDArray[np.uint16]
    labels_yx: NDArray[np.int32]


def draw_field(
    shape_yx: tuple[int, int], nuclei: int, *, touching: int = 0, diameter_px: float = 26.0, seed: int = 1
) -> SyntheticField:
    """Draw textured ellipses, blurred, over background with shot and read noise.

    Parameters
    ----------
    nuclei
        How many stand free.
    touching
        How many of those get a further one that leans on them.

    Raises
    ------
    ValueError
        If so many nuclei find no room.
    """
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape_yx, np.int32)
    light = np.zeros(shape_yx, np.float32)
    places = _places(shape_yx, nuclei, diameter_px, rng)
    places += [_beside(place, places, diameter_px, rng) for place in places[:touching]]
    for number, place in enumerate(places, start=1):
        shape = _ellipse(shape_yx, place, diameter_px * rng.uniform(0.85, 1.15), rng) & (labels == 0)
        labels[shape] = number
        light[shape] = rng.lognormal(0.0, 0.25)
    texture = cv2.GaussianBlur(rng.standard_normal(shape_yx, dtype=np.float32), (0, 0), diameter_px / 12)
    light *= np.float32(1.0) + np.float32(0.15) * np.asarray(texture) / texture.std()
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 1.0))
    electrons = 40.0 + 900.0 * np.maximum(light, 0.0)
    counts = 100.0 + rng.poisson(electrons) + rng.normal(0.0, 3.0, shape_yx)
    return SyntheticField(np.clip(counts, 0, 65535).astype(np.uint16), labels)


def _places(
    shape_yx: tuple[int, int], nuclei: int, diameter_px: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Return centres (y, x) at least 1.6 diameters apart and 0.8 from the rim."""
    places: list[tuple[float, float]] = []
    margin = 0.8 * diameter_px
    for _ in range(1000 * nuclei):
        y, x = rng.uniform(margin, shape_yx[0] - margin), rng.uniform(margin, shape_yx[1] - margin)
        if all(np.hypot(y - b, x - a) > 1.6 * diameter_px for b, a in places):
            places.append((y, x))
        if len(places) == nuclei:
            return places
    raise ValueError(f"{nuclei} nuclei of {diameter_px} px find no room in {shape_yx}; ask for fewer or a larger field")


def _beside(
    place_yx: tuple[float, float], places: list[tuple[float, float]], diameter_px: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the centre, 0.95 diameters from `place_yx`, that is furthest from every other place."""
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, 32, endpoint=False)
    choices = [
        (place_yx[0] + 0.95 * diameter_px * np.sin(angle), place_yx[1] + 0.95 * diameter_px * np.cos(angle))
        for angle in angles
    ]
    others = [other for other in places if other != place_yx]
    return max(choices, key=lambda at: min((np.hypot(at[0] - y, at[1] - x) for y, x in others), default=0.0))


def _ellipse(
    shape_yx: tuple[int, int], centre_yx: tuple[float, float], diameter_px: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return a randomly turned ellipse of that mean diameter as a mask, shape (Y, X)."""
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 1.35)
    y = np.arange(shape_yx[0])[:, None] - centre_yx[0]
    x = np.arange(shape_yx[1])[None, :] - centre_yx[1]
    along = (x * np.cos(angle) + y * np.sin(angle)) / stretch**0.5
    across = (y * np.cos(angle) - x * np.sin(angle)) * stretch**0.5
    return np.asarray(np.hypot(along, across) <= diameter_px / 2)
