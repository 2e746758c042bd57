"""Camera: what a camera makes of light: shot noise, read noise, gain and offset."""

import numpy as np
from numpy.typing import NDArray


def exposed(
    photons_yx: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    read_noise_e: float,
    gain: float = 1.0,
    offset: float = 0.0,
) -> NDArray[np.float32]:
    """Return counts: gain (Poisson(photons) + normal(0, read noise)) + offset.

    Parameters
    ----------
    photons_yx
        Expected photo-electrons of each pixel, shape (Y, X), at least 0.
    read_noise_e
        Standard deviation of the read noise in electrons.
    gain, offset
        Counts per electron, and counts in the dark.

    Returns
    -------
    NDArray
        Shape (Y, X) float32; a real camera would round it and cut it off at 0.

    References
    ----------
    Foi et al. 2008, IEEE TIP, "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data".
    """
    electrons = rng.poisson(photons_yx).astype(np.float32)
    electrons += np.float32(read_noise_e) * rng.standard_normal(photons_yx.shape, dtype=np.float32)
    return np.asarray(electrons * np.float32(gain) + np.float32(offset))
