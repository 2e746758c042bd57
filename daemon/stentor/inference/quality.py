"""Quality: numbers about a whole plane that tell whether what was found in it may be trusted."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

FOCUS_SIGMA_PX: Final = 1.5
"""About the optical resolution, so that noise is not sharpness."""


def focus_score(image_yx: NDArray[Any]) -> float:
    """Tell how sharp a plane is, larger being sharper; the same at any exposure.

    Variance of the Laplacian after a Gaussian of `FOCUS_SIGMA_PX`, over the variance of the plane after the same
    Gaussian: 0 for a flat plane. Compare only within one channel and one kind of specimen.

    Parameters
    ----------
    image_yx
        Shape (Y, X), uint8, uint16 or float32, at least 3 x 3.

    References
    ----------
    Pech-Pacheco et al. 2000, ICPR, "Diatom autofocusing in brightfield microscopy".
    """
    smooth = cv2.GaussianBlur(image_yx.astype(np.float32), (0, 0), FOCUS_SIGMA_PX)
    contrast = float(np.var(smooth))
    if contrast <= 0.0:
        return 0.0
    return float(np.var(cv2.Laplacian(smooth, cv2.CV_32F)) / contrast)


def saturated_share(image_yx: NDArray[Any], bit_depth: int | None) -> float:
    """Return the share of pixels at the largest value that the camera can give, 0 to 1.

    Parameters
    ----------
    image_yx
        Shape (Y, X).
    bit_depth
        Of the camera. None: it is unknown, and the largest value of the pixel type counts.

    Returns
    -------
    float
        0 for float32 planes, which have no largest value.
    """
    if image_yx.dtype.kind == "f":
        return 0.0
    largest = np.iinfo(image_yx.dtype).max if bit_depth is None else 2**bit_depth - 1
    return float(np.count_nonzero(image_yx >= largest) / max(image_yx.size, 1))
