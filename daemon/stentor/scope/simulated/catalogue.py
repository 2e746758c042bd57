"""Catalogue: the sprites of every look a nucleus can have, blurred to any focus on demand."""

from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stentor.scope.simulated import procedural
from stentor.scope.simulated.folder import cut_sprites
from stentor.scope.simulated.phase import phase_bank
from stentor.scope.simulated.population import Look, Population
from stentor.scope.simulated.sprites import CANVAS_PX, SpriteBank, concatenate

PSF_SIGMA_UM = 0.55
_COUNTS = {"interphase": 64, "plate": 12, "dying": 12}
_STEP_PX = 0.75
_MAX_LEVEL = 8


class Catalogue:
    """All sprites of a specimen in one bank; blurred copies are made once for each level of defocus.

    One thread at a time may call it.
    """

    largest_sigma_px = _MAX_LEVEL * _STEP_PX

    def __init__(
        self, bank: SpriteBank, starts: list[int], phase: NDArray[np.float32], *, native_sigma_um: float
    ) -> None:
        self.native_sigma_um = native_sigma_um
        self.phase = phase
        self._levels: dict[int, SpriteBank] = {0: bank}
        extents = np.abs(bank.outlines).max(axis=1).astype(np.float64) + 3.5
        margins = 3.2 * _STEP_PX * np.arange(_MAX_LEVEL + 1)
        self.half_extents = np.minimum(extents + margins[:, None, None], (CANVAS_PX - 1) / 2)
        """Half the width and height of what is drawn: (levels, K, 2) sprite pixels."""
        self._starts = np.array(starts)
        self._counts = np.diff(np.array([*starts, len(bank)]))

    @property
    def bank(self) -> SpriteBank:
        """The sharp sprites."""
        return self._levels[0]

    def index(self, population: Population) -> NDArray[np.int64]:
        """Tell which sprite shows each nucleus now."""
        looks = population.looks()
        picks: NDArray[np.int64] = self._starts[looks] + population.sprite % self._counts[looks]
        return picks

    def blurred(self, level: int) -> SpriteBank:
        """Give the bank blurred by `level` steps."""
        if level not in self._levels:
            self._levels[level] = self.bank.blurred(level * _STEP_PX)
        return self._levels[level]

    def level_of(self, sigma_px: NDArray[np.float64]) -> NDArray[np.int64]:
        """Tell the level nearest to a blur given in sprite pixels."""
        levels: NDArray[np.int64] = np.minimum(np.rint(sigma_px / _STEP_PX), _MAX_LEVEL).astype(np.int64)
        return levels


def open_catalogue(specimen: str, rng: Generator) -> Catalogue:
    """Draw, or cut from a user's folder, the sprites of a specimen.

    Raises
    ------
    ConfigError
        If `specimen` is neither "procedural" nor a folder with labelled images.
    """
    if specimen == "procedural":
        resting = procedural.interphase(rng, _COUNTS["interphase"])
    else:
        resting = cut_sprites(Path(specimen))
    banks = [
        resting,
        condensed(resting, rng),
        procedural.plate(rng, _COUNTS["plate"]),
        procedural.apoptotic(rng, _COUNTS["dying"]),
    ]
    starts = np.concatenate([[0], np.cumsum([len(bank) for bank in banks])[:-1]])
    # Pictures from a microscope have been through one already.
    native_sigma_um = 0.0 if specimen == "procedural" else PSF_SIGMA_UM
    bank = concatenate(banks)
    phase = phase_bank(bank, rng, round_from=int(starts[Look.PLATE]))
    return Catalogue(bank, starts.tolist(), phase, native_sigma_um=native_sigma_um)


def condensed(bank: SpriteBank, rng: Generator) -> SpriteBank:
    """Copy nuclei with their chromatin drawn together to coarse threads, as in prophase; outlines stay."""
    images = []
    for image in bank.images:
        white = rng.standard_normal(image.shape).astype(np.float32)
        coarse = cv2.GaussianBlur(white, (0, 0), 2.2) - cv2.GaussianBlur(white, (0, 0), 5.0)
        images.append(image * np.clip(1 + 0.28 * coarse / coarse.std(), 0.2, None))
    return SpriteBank(np.stack(images).astype(np.float32), bank.outlines, bank.axes)
