"""Pattern: what the SLM lets pass, and where on the sensor that lies."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.scope.simulated.settings import SimulatedSettings

SLM_SHAPE: Final = (300, 400)


def chip_to_slm(settings: SimulatedSettings) -> NDArray[np.float64]:
    """Give the 2x3 affine from pixels of the sensor to those of the SLM, which sees the slide from behind: mirrored."""
    rows, columns = (SLM_SHAPE[0] - 1) / (settings.height - 1), (SLM_SHAPE[1] - 1) / (settings.width - 1)
    return np.array([[-columns, 0.0, SLM_SHAPE[1] - 1], [0.0, rows, 0.0]])


class Pattern:
    """The SLM's image in the light path; dark until one is shown. Not thread-safe."""

    def __init__(self, settings: SimulatedSettings) -> None:
        self._affine = chip_to_slm(settings)
        self._size = (settings.width, settings.height)
        self.lit: NDArray[np.bool_] = np.zeros(SLM_SHAPE, bool)

    def lights(self, places_px: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which places on the sensor, (N, 2) columns and rows, get light."""
        column, row = np.rint(places_px @ self._affine[:, :2].T + self._affine[:, 2]).astype(int).T
        inside = (row >= 0) & (row < SLM_SHAPE[0]) & (column >= 0) & (column < SLM_SHAPE[1])
        lit = np.zeros(len(places_px), bool)
        lit[inside] = self.lit[row[inside], column[inside]]
        return lit

    def on_sensor(self) -> NDArray[np.float32]:
        """Draw the pattern as the camera sees it in the stimulation channel: (Y, X), 0 or 1."""
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(self.lit.astype(np.float32), self._affine, self._size, flags=flags))
