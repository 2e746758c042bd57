"""Projector: an SLM that decides where on the specimen the stimulation light falls."""

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pymmcore_plus.experimental.unicore import SLMDevice

from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.pattern import SLM_SHAPE


class SimulatedSLM(SLMDevice):
    """A grey SLM of 8 bit in the path of the channel "Stimulation"; a pixel lets light pass from 128 on."""

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self._loaded: NDArray[np.uint8] = np.zeros(SLM_SHAPE, np.uint8)
        self._exposure_ms = 0.0

    def shape(self) -> tuple[int, ...]:
        """Tell rows and columns."""
        return SLM_SHAPE

    def dtype(self) -> DTypeLike:
        """Tell the type of a pixel."""
        return np.uint8

    def set_image(self, pixels: NDArray[np.uint8]) -> None:
        """Load an image; it is not shown yet."""
        self._loaded = np.array(pixels, np.uint8)

    def get_image(self) -> NDArray[np.uint8]:
        """Return what is loaded."""
        return self._loaded

    def display_image(self) -> None:
        """Show what is loaded."""
        self._microscope.set_pattern(self._loaded >= 128)

    def set_exposure(self, interval_ms: float) -> None:
        """Keep the number; this SLM shows an image until the next."""
        self._exposure_ms = interval_ms

    def get_exposure(self) -> float:
        """Return the number kept."""
        return self._exposure_ms
