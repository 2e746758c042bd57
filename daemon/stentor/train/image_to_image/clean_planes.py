"""Clean planes: real fluorescence images with so little noise that they may stand for the truth."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.train.nuclei_data import Specimen
from stentor.train.split import Part

LEAST_SIDE_PX: Final = 160
NOISIEST: Final = 0.03
"""Images whose noise is a larger share of their range are halved in size until it is less, or left out."""


def clean_planes(specimens: list[Specimen]) -> dict[Part, list[NDArray[np.float32]]]:
    """Return planes by side of the split, each (Y, X) float32 with its background at 0 and its bright parts at 1."""
    planes: dict[Part, list[NDArray[np.float32]]] = {part: [] for part in Part}
    for specimen in specimens:
        plane = _scaled(specimen.image_yx.astype(np.float32))
        while plane is not None and noise_sd(plane) > NOISIEST:
            halved = np.asarray(cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
            plane = _scaled(halved) if min(halved.shape) >= LEAST_SIDE_PX else None
        if plane is not None and min(plane.shape) >= LEAST_SIDE_PX:
            planes[specimen.part].append(plane)
    return planes


def _scaled(image_yx: NDArray[Any]) -> NDArray[np.float32] | None:
    low, high = np.percentile(image_yx, (1.0, 99.9))
    if high - low < 12:  # eight-bit images so dim are steps, not light
        return None
    return np.asarray(np.clip((image_yx - low) / (high - low), 0.0, 1.5), np.float32)


def noise_sd(plane_yx: NDArray[np.float32]) -> float:
    """Estimate the noise of a plane from its finest detail.

    References
    ----------
    Immerkaer 1996, CVIU, "Fast Noise Variance Estimation".
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    detail = np.asarray(cv2.filter2D(plane_yx, -1, kernel))
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(detail).mean())
