"""Sensor: turns electrons into counts, with the noise of a scientific camera."""

import numpy as np
from numpy.typing import NDArray

from stentor.scope.simulated.settings import SimulatedSettings

FloatImage = NDArray[np.float32]
Counts = NDArray[np.uint16]

_POOL_FRAMES = 3


class Sensor:
    """Adds shot noise, read noise, offset and hot pixels, and saturates.

    Noise is Gaussian of variance `electrons + read_noise**2`: right in mean and variance, and within the read noise
    right in shape down to a few electrons. It is a slice of a pool drawn once, at a place that depends on the seed
    and the frame's number alone. One thread at a time may call it.
    """

    def __init__(self, settings: SimulatedSettings) -> None:
        rng = np.random.default_rng([settings.seed, 1])
        shape = (settings.height, settings.width)
        self._settings = settings
        self._pool = rng.standard_normal(_POOL_FRAMES * shape[0] * shape[1], dtype=np.float32)
        self._scratch = np.empty(shape, np.float32)
        self._hot_e_per_s = np.zeros(shape, np.float32)
        spots = rng.integers(0, shape[0] * shape[1], settings.hot_pixels)
        self._hot_e_per_s.flat[spots] = rng.lognormal(7.0, 1.0, settings.hot_pixels)
        self._full = float(2**settings.bit_depth - 1)

    def read(self, electrons: FloatImage, exposure_ms: float, frame: int) -> Counts:
        """Read a frame out.

        Parameters
        ----------
        electrons
            Expected electrons, (Y, X), >= 0; used as scratch, its content is gone afterwards.
        exposure_ms
            For the hot pixels, which fill with time and not with light.
        frame
            Number of the frame, which chooses its noise.

        Returns
        -------
        Counts
            A new (Y, X) array.
        """
        settings = self._settings
        electrons += self._hot_e_per_s * np.float32(exposure_ms / 1000)
        start = int(np.random.default_rng([settings.seed, 2, frame]).integers(len(self._pool) - electrons.size))
        noise = self._pool[start : start + electrons.size].reshape(electrons.shape)
        np.add(electrons, np.float32(settings.read_noise_e**2), out=self._scratch)
        np.sqrt(self._scratch, out=self._scratch)
        self._scratch *= noise
        electrons += self._scratch
        electrons *= np.float32(settings.counts_per_e)
        electrons += np.float32(settings.offset_counts + 0.5)
        np.clip(electrons, 0, self._full, out=electrons)
        counts: Counts = electrons.astype(np.uint16)
        return counts
