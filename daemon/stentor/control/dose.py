"""Dose: the light that every place of a specimen has received, in squares, against a budget."""

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from stentor.control.device_call import number_of
from stentor.control.settings import DoseSettings

Tile: TypeAlias = tuple[int, int]
"""Column and row of a square of the specimen."""

NOWHERE: Tile = (2**31, 2**31)
"""Where light counts when the stage does not say where it stands, or what it says is no place."""

FARTHEST_UM: Final = 1e9
"""A kilometre: beyond it columns and rows are no numbers that a journal could keep."""


class DoseAccount:
    """Counts energy by place. One thread at a time may call it.

    Parameters
    ----------
    received_uj
        What earlier processes have counted.
    field_um
        Side of the square that one image lights, when the settings name none.
    write
        Told the new totals of all squares that an exposure lit, before there is light; what it raises stops the
        exposure.

    Attributes
    ----------
    field_um
        Side of the square that one image lights.
    """

    def __init__(
        self,
        settings: DoseSettings,
        *,
        received_uj: Mapping[Tile, float],
        field_um: float,
        write: Callable[[Mapping[Tile, float]], None] = lambda totals: None,
    ) -> None:
        self._settings = settings
        self._received_uj = dict(received_uj)
        self.field_um = settings.field_um or field_um
        self._write = write

    def energy_uj(self, duration_ms: float, channel: str | None, lamp: str | float | None) -> float:
        """Return the energy of an exposure: power of the channel, times lamp, times duration.

        A lamp that is not known or no number counts as full, and a channel that is not known as the brightest: with one
        filter or lamp set by hand no preset's name fits, and the light is still that of some preset.
        """
        powers = self._settings.power_mw
        brightest_mw = max(powers.values(), default=0.0)
        power_mw = powers.get(channel, powers.get("*", brightest_mw)) if channel else brightest_mw
        share = 1.0
        if self._settings.lamp is not None and lamp is not None:
            try:
                share = number_of(lamp) / self._settings.lamp_full
            except ValueError:
                share = 1.0
        return power_mw * max(share, 0.0) * duration_ms

    def tiles(self, x_um: float | None, y_um: float | None) -> tuple[Tile, ...]:
        """Return the squares that an image lights whose middle is there."""
        if x_um is None or y_um is None or not (abs(x_um) < FARTHEST_UM and abs(y_um) < FARTHEST_UM):
            return (NOWHERE,)
        side, half = self._settings.tile_um, self.field_um / 2
        columns = range(math.floor((x_um - half) / side), math.floor((x_um + half) / side) + 1)
        rows = range(math.floor((y_um - half) / side), math.floor((y_um + half) / side) + 1)
        return tuple((column, row) for row in rows for column in columns)

    def received_uj(self, x_um: float | None, y_um: float | None) -> float:
        """Return the most that any square of an image there may have received."""
        return max(map(self._at_most_uj, self.tiles(x_um, y_um)))

    def _at_most_uj(self, tile: Tile) -> float:
        """Return what a square has received, and all that was lit nobody knows where; nowhere may be any square."""
        nowhere_uj = self._received_uj.get(NOWHERE, 0.0)
        if tile != NOWHERE:
            return self._received_uj.get(tile, 0.0) + nowhere_uj
        return nowhere_uj + max((uj for known, uj in self._received_uj.items() if known != NOWHERE), default=0.0)

    def allows(self, pending: Mapping[Tile, float]) -> bool:
        """Tell whether every square stays within the budget with so much more."""
        budget_uj = self._settings.budget_uj
        if budget_uj is None:
            return True
        nowhere_uj = pending.get(NOWHERE, 0.0)
        return all(
            self._at_most_uj(tile) + more + (0.0 if tile == NOWHERE else nowhere_uj) <= budget_uj
            for tile, more in pending.items()
        )

    def add(self, pending: Mapping[Tile, float]) -> None:
        """Count light that is about to be spent; written down first."""
        totals = {tile: self._received_uj.get(tile, 0.0) + more for tile, more in pending.items() if more > 0}
        if totals:
            self._write(totals)
            self._received_uj.update(totals)
