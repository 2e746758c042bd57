"""Population: every nucleus of the specimen as one row of columns, in world coordinates."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

FloatColumn = NDArray[np.float64]
IntColumn = NDArray[np.int64]

# Fractions of the cell cycle. Division happens when the phase reaches 1; daughters start as halves of anaphase.
ANAPHASE_END = 0.006
TELOPHASE_END = 0.04
PROPHASE_START = 0.965
METAPHASE_START = 0.98
DYING_S = 5400.0


class Look(IntEnum):
    """What a nucleus looks like now; the order is that of the sprite catalogue."""

    INTERPHASE = 0
    PROPHASE = 1
    PLATE = 2
    DYING = 3


@dataclass
class Population:
    """N nuclei. Columns share their first axis; ids count from 1 and are never used again.

    position_um, velocity_um_s: (N, 2) x and y. angle: of the long axis, radians. phase: cell cycle, 0 to 1.
    cycle_s: its own length. brightness and scale: lasting differences between cells, mean about 1.
    depth_um: height above the focal plane of the slide. dose_s: full-light seconds received.
    stimulated_s: the same of the stimulation light.
    sprite: which picture of its kind. flip: +1 or -1. parent: id of the mother, 0 for a founder.
    dying_s: seconds since death began, -1 while alive.
    """

    position_um: FloatColumn
    velocity_um_s: FloatColumn
    angle: FloatColumn
    phase: FloatColumn
    cycle_s: FloatColumn
    brightness: FloatColumn
    scale: FloatColumn
    depth_um: FloatColumn
    dose_s: FloatColumn
    stimulated_s: FloatColumn
    dying_s: FloatColumn
    flip: FloatColumn
    sprite: IntColumn
    id: IntColumn
    parent: IntColumn

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: NDArray[np.bool_] | IntColumn) -> "Population":
        """Copy some rows."""
        return Population(**{f.name: getattr(self, f.name)[rows].copy() for f in fields(self)})

    def joined(self, other: "Population") -> "Population":
        """Copy these rows followed by another's."""
        columns = {f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)}
        return Population(**columns)

    def looks(self) -> IntColumn:
        """Tell the `Look` of every nucleus."""
        looks = np.full(len(self), int(Look.INTERPHASE), dtype=np.int64)
        looks[(self.phase >= PROPHASE_START) & (self.phase < METAPHASE_START)] = Look.PROPHASE
        looks[(self.phase >= METAPHASE_START) | (self.phase < ANAPHASE_END)] = Look.PLATE
        looks[self.dying_s >= 0] = Look.DYING
        return looks

    def size_and_gain(self) -> tuple[FloatColumn, FloatColumn]:
        """Tell radius and brightness of every nucleus relative to the average resting one.

        Area doubles from birth to mitosis while the density of DNA stays; condensed chromatin is small and bright.
        """
        phase = self.phase
        size = np.sqrt(0.72 + 0.62 * np.clip(phase, 0, PROPHASE_START))
        gain = np.ones(len(self))
        early = phase < TELOPHASE_END
        spread = np.clip((phase - ANAPHASE_END) / (TELOPHASE_END - ANAPHASE_END), 0, 1)
        size[early] = 0.42 + (np.sqrt(0.72) - 0.42) * spread[early]
        gain[early] = 2.2 - 1.2 * spread[early]
        condensing = np.clip((phase - PROPHASE_START) / (METAPHASE_START - PROPHASE_START), 0, 1)
        size *= 1 - 0.22 * condensing
        gain *= 1 + 0.5 * condensing
        plate = phase >= METAPHASE_START
        size[plate], gain[plate] = 0.62, 2.4
        shrunk = np.clip(self.dying_s / DYING_S, 0, 1)
        fading = np.clip((1 - shrunk) / 0.15, 0, 1)
        dying = self.dying_s >= 0
        size[dying] *= 1 - 0.5 * np.sqrt(shrunk[dying])
        gain[dying] *= (1 + 1.2 * np.sqrt(shrunk[dying])) * fading[dying]
        return size * self.scale, gain * self.brightness


def founders(
    rng: Generator,
    count: int,
    world_um: tuple[float, float],
    *,
    cycle_s: float,
    brightness_sd: float,
    depth_sd_um: float,
) -> Population:
    """Draw unrelated nuclei, scattered at random, with the ages of a culture that grows exponentially.

    The density of ages is 2 ln 2 * 2**-phase (Powell 1956, "Growth rate and generation time of bacteria").
    """
    phase = -np.log2(1 - rng.random(count) / 2)
    half = np.array(world_um) / 2
    return Population(
        position_um=rng.uniform(-half, half, (count, 2)),
        velocity_um_s=np.zeros((count, 2)),
        angle=rng.uniform(-np.pi, np.pi, count),
        phase=phase,
        cycle_s=cycle_s * rng.lognormal(0, 0.12, count),
        brightness=rng.lognormal(-(brightness_sd**2) / 2, brightness_sd, count),
        scale=rng.lognormal(0, 0.10, count),
        depth_um=rng.normal(0, depth_sd_um, count),
        dose_s=np.zeros(count),
        stimulated_s=np.zeros(count),
        dying_s=np.full(count, -1.0),
        flip=rng.choice(np.array([-1.0, 1.0]), count),
        sprite=rng.integers(0, 2**31, count),
        id=np.arange(1, count + 1),
        parent=np.zeros(count, dtype=np.int64),
    )
