"""Variation: a batch of crops as other days and other microscopes would show it."""

import cv2
import numpy as np
from numpy.typing import NDArray


def vary_crops(
    crops_nchw: NDArray[np.float32], rng: np.random.Generator, *, gain: float, shift_px: float = 2.0
) -> NDArray[np.float32]:
    """Turn, mirror, shift, sharpen or blur, brighten and add noise; each crop and channel by itself.

    Parameters
    ----------
    gain
        Each channel is multiplied by up to this factor, or divided by it.
    shift_px
        Largest shift of the object away from the middle.

    Returns
    -------
    NDArray
        Shape (N, C, S, S) float32.
    """
    return np.stack([_varied(crop, rng, gain, shift_px) for crop in crops_nchw])


def _varied(
    crop_cyx: NDArray[np.float32], rng: np.random.Generator, gain: float, shift_px: float
) -> NDArray[np.float32]:
    side = crop_cyx.shape[1]
    turn = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), rng.uniform(0, 360), 1.04 ** rng.uniform(-1, 1))
    turn[:, 2] += rng.uniform(-shift_px, shift_px, 2)
    if rng.random() < 0.5:
        crop_cyx = crop_cyx[:, :, ::-1]
    blur_px = rng.uniform(0.3, 0.9) if rng.random() < 0.3 else 0.0
    layers = []
    for plane in crop_cyx:
        layer = cv2.warpAffine(
            np.ascontiguousarray(plane), turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        if blur_px:
            layer = cv2.GaussianBlur(layer, (0, 0), blur_px)
        noise = rng.standard_normal(layer.shape, dtype=np.float32) * np.float32(rng.uniform(0.0, 0.03))
        layers.append(np.asarray(layer) * np.float32(gain ** rng.uniform(-1, 1)) + noise)
    return np.stack(layers).astype(np.float32)
