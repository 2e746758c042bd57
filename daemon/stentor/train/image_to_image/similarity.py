"""Similarity: how near an image comes to the truth, as PSNR, SSIM and Pearson's r."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIGMA_PX: Final = 1.5
RIM_PX: Final = 5
"""Half a window: nearer to the rim the window lacks pixels, and is left out of the mean."""

K1: Final = 0.01
K2: Final = 0.03


def psnr_db(found_yx: NDArray[np.float32], truth_yx: NDArray[np.float32], peak: float) -> float:
    """Return 10 log10(peak^2 / mean squared error), in dB."""
    error = float(np.mean((found_yx.astype(np.float64) - truth_yx) ** 2))
    return float(10 * np.log10(peak**2 / max(error, 1e-20)))


def ssim(found_yx: NDArray[np.float32], truth_yx: NDArray[np.float32], peak: float) -> float:
    """Return the mean structural similarity over a Gaussian window of 11 x 11 px, -1 to 1; sides of at least 12 px.

    References
    ----------
    Wang et al. 2004, IEEE TIP, "Image quality assessment: from error visibility to structural similarity".
    """
    a, b = (plane.astype(np.float64) for plane in (found_yx, truth_yx))

    def smooth(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(plane, (11, 11), SIGMA_PX, borderType=cv2.BORDER_REFLECT))

    mean_a, mean_b = smooth(a), smooth(b)
    variance_a, variance_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    covariance = smooth(a * b) - mean_a * mean_b
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    size = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return float((likeness / size)[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX].mean())


def pearson_r(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Return the correlation of two arrays of one shape; 0 where one of them is flat."""
    a, b = (values.astype(np.float64).ravel() - values.mean() for values in (found, truth))
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 0 else 0.0
