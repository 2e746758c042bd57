"""Specimen: a culture of nuclei that move, grow, divide, die and bleach in their own time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stentor.scope.simulated.catalogue import Catalogue, open_catalogue
from stentor.scope.simulated.contact import displacements, reach
from stentor.scope.simulated.population import DYING_S, PROPHASE_START, Population, founders
from stentor.scope.simulated.settings import SimulatedSettings

STEP_S = 20.0
_PERSISTENCE_S = 1200.0
_RELAXATION_S = 120.0


@dataclass(frozen=True)
class Division:
    """One division: when, in specimen seconds, and the ids of mother and daughters."""

    time_s: float
    parent: int
    daughters: tuple[int, int]


@dataclass(frozen=True)
class Death:
    """One death: when the last of it was gone, in specimen seconds, and the id."""

    time_s: float
    nucleus: int


class Specimen:
    """The culture; it is stepped in fixed quanta so that one seed tells one story, whenever it is looked at.

    One thread at a time may call it.
    """

    def __init__(self, settings: SimulatedSettings) -> None:
        self._settings = settings
        self._rng = np.random.default_rng(settings.seed)
        self.catalogue: Catalogue = open_catalogue(settings.specimen, self._rng)
        width_um, height_um = settings.world_um
        self._capacity = max(1, round(settings.nuclei_per_mm2 * width_um * height_um / 1e6))
        self.population: Population = founders(
            self._rng,
            self._capacity,
            settings.world_um,
            cycle_s=settings.cycle_h * 3600,
            brightness_sd=settings.brightness_sd,
            depth_sd_um=settings.depth_sd_um,
        )
        self._next_id = self._capacity + 1
        self.time_s = 0.0
        self.divisions: list[Division] = []
        self.deaths: list[Death] = []
        self._settle_in()

    def semi_axes_um(self) -> NDArray[np.float64]:
        """Tell the semi-axes of every nucleus, (N, 2), the long one first."""
        size, _ = self.population.size_and_gain()
        axes = self.catalogue.bank.axes[self.catalogue.index(self.population)]
        semi_axes: NDArray[np.float64] = axes * (size * self._settings.radius_um)[:, None]
        return semi_axes

    def gain(self) -> NDArray[np.float64]:
        """Tell the brightness of every nucleus, 1 being the average, bleaching included."""
        _, gain = self.population.size_and_gain()
        bleached: NDArray[np.float64] = gain * np.exp(-self.population.dose_s / self._settings.bleach_dose_s)
        return bleached

    def advance_to(self, time_s: float) -> None:
        """Let the culture live until a specimen time, in whole steps of `STEP_S`; earlier times change nothing."""
        while self.time_s + STEP_S <= time_s:
            self._step()

    def shine(self, centre_um: tuple[float, float], half_um: tuple[float, float], dose_s: float) -> None:
        """Give full-light seconds to the nuclei within a rectangle."""
        offset = np.abs(self.population.position_um - np.array(centre_um))
        lit = (offset[:, 0] <= half_um[0]) & (offset[:, 1] <= half_um[1])
        self.population.dose_s[lit] += dose_s

    def stimulate(self, rows: NDArray[np.int64], dose_s: float) -> None:
        """Give full-light seconds of the stimulation light to some rows of the population; it harms nobody."""
        self.population.stimulated_s[rows] += dose_s

    def _settle_in(self) -> None:
        """Gather part of the founders into clusters, then let overlaps relax before anybody looks."""
        crowd = self.population
        semi_axes = self.semi_axes_um()
        # Hosts are loners, so that clusters stay small: a tree of followers would grow into one sheet.
        follows = self._rng.random(len(crowd)) < self._settings.clustering
        follows[0] = False
        hosts = self._rng.choice(np.flatnonzero(~follows), len(crowd))
        for row in np.flatnonzero(follows):
            host = hosts[[row]]
            direction = self._rng.uniform(-np.pi, np.pi, 1)
            self_reach = reach(semi_axes[[row]], crowd.angle[[row]], direction)
            distance = reach(semi_axes[host], crowd.angle[host], direction) + self_reach
            crowd.position_um[row] = crowd.position_um[host[0]] + distance * np.array(
                [np.cos(direction[0]), np.sin(direction[0])]
            )
        for _ in range(60):
            crowd.position_um += 0.7 * displacements(crowd.position_um, semi_axes, crowd.angle, adhesion=0.3)
        self._keep_inside()

    def _step(self) -> None:
        self.time_s += STEP_S
        self._move()
        self._age()
        self._divide()
        self._bury()

    def _move(self) -> None:
        crowd, rng = self.population, self._rng
        speed = self._settings.speed_um_per_min / 60
        memory = np.exp(-STEP_S / _PERSISTENCE_S)
        kick = speed / np.sqrt(2) * np.sqrt(1 - memory**2)
        crowd.velocity_um_s = memory * crowd.velocity_um_s + kick * rng.standard_normal(crowd.velocity_um_s.shape)
        crowd.velocity_um_s[crowd.dying_s >= 0] = 0.0
        crowd.angle += np.sqrt(STEP_S) * 0.0015 * rng.standard_normal(len(crowd))
        pushes = displacements(crowd.position_um, self.semi_axes_um(), crowd.angle, adhesion=0.04)
        crowd.position_um += STEP_S * crowd.velocity_um_s + min(1.0, STEP_S / _RELAXATION_S) * pushes
        self._keep_inside()

    def _keep_inside(self) -> None:
        half = np.array(self._settings.world_um) / 2
        outside = np.abs(self.population.position_um) > half
        self.population.position_um = np.clip(self.population.position_um, -half, half)
        self.population.velocity_um_s[outside] *= -1

    def _age(self) -> None:
        """Grow older: resting cells wait when it is crowded, cells in mitosis do not; the dose of light kills."""
        crowd = self.population
        hurry = (
            min(1.0, self._settings.deaths_per_cycle / np.log(2) * (self._capacity / len(crowd)) ** 4)
            if len(crowd)
            else 1.0
        )
        alive = crowd.dying_s < 0
        rate = np.where((crowd.phase > PROPHASE_START) | (crowd.phase < 0.05), 1.0, hurry)
        crowd.phase = np.where(alive, crowd.phase + rate * STEP_S / crowd.cycle_s, crowd.phase)
        crowd.dying_s = np.where(alive, crowd.dying_s, crowd.dying_s + STEP_S)
        hazard = (
            self._settings.deaths_per_cycle * STEP_S / crowd.cycle_s * (1 + crowd.dose_s / self._settings.toxic_dose_s)
        )
        struck = alive & (crowd.phase < PROPHASE_START) & (crowd.phase > 0.05) & (self._rng.random(len(crowd)) < hazard)
        crowd.dying_s[struck] = 0.0

    def _divide(self) -> None:
        ripe = self.population.phase >= 1
        if not ripe.any():
            return
        mothers = self.population.take(ripe)
        daughters = mothers.joined(mothers)
        count, rng = len(mothers), self._rng
        side = np.repeat([1.0, -1.0], count)
        axis = np.stack([-np.sin(daughters.angle), np.cos(daughters.angle)], axis=1) * side[:, None]
        daughters.position_um = daughters.position_um + 1.6 * axis
        daughters.velocity_um_s = axis * 0.010
        daughters.angle = daughters.angle + rng.normal(0, 0.15, 2 * count)
        daughters.phase = np.zeros(2 * count)
        daughters.cycle_s = self._settings.cycle_h * 3600 * rng.lognormal(0, 0.12, 2 * count)
        daughters.brightness = daughters.brightness * rng.lognormal(0, 0.05, 2 * count)
        daughters.sprite = rng.integers(0, 2**31, 2 * count)
        daughters.parent = np.concatenate([mothers.id, mothers.id])
        daughters.id = np.arange(self._next_id, self._next_id + 2 * count)
        self._next_id += 2 * count
        for row, mother in enumerate(mothers.id.tolist()):
            pair = (int(daughters.id[row]), int(daughters.id[row + count]))
            self.divisions.append(Division(self.time_s, mother, pair))
        self.population = self.population.take(~ripe).joined(daughters)

    def _bury(self) -> None:
        gone = self.population.dying_s >= DYING_S
        if gone.any():
            self.deaths += [Death(self.time_s, nucleus) for nucleus in self.population.id[gone].tolist()]
            self.population = self.population.take(~gone)
