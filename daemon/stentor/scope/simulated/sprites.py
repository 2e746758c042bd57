"""Sprite bank: pictures of single nuclei at a standard size, with their outlines, for the optics to place."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

CANVAS_PX = 104
RADIUS_PX = 22.0
OUTLINE_POINTS = 48

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class SpriteBank:
    """K pictures of one kind of object, all of equal area and with their long axis along x.

    images: (K, S, S) float32, 0 outside, mean 1 inside the outline. outlines: (K, P, 2) float32, x and y in sprite
    pixels from the centre. axes: (K, 2) semi-axes over `RADIUS_PX`, the long one first, product 1.
    """

    images: FloatArray
    outlines: FloatArray
    axes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.images)

    def blurred(self, sigma_px: float) -> "SpriteBank":
        """Copy the bank with every picture blurred by a Gaussian; outlines stay."""
        if sigma_px < 0.2:
            return self
        images = np.stack([cv2.GaussianBlur(image, (0, 0), sigma_px) for image in self.images])
        return SpriteBank(images.astype(np.float32), self.outlines, self.axes)


def concatenate(banks: list[SpriteBank]) -> SpriteBank:
    """Join banks; the sprites keep their order."""
    return SpriteBank(
        np.concatenate([bank.images for bank in banks]),
        np.concatenate([bank.outlines for bank in banks]),
        np.concatenate([bank.axes for bank in banks]),
    )


def standardise(picture: FloatArray, mask: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, NDArray[np.float64]]:
    """Turn a picture and its mask to the bank's area, orientation and brightness.

    Parameters
    ----------
    picture
        Intensities above background, shape (Y, X), any scale.
    mask
        The object in it, shape (Y, X), at least 20 pixels.

    Returns
    -------
    tuple
        Image (S, S), outline (P, 2), semi-axes (2,), as in `SpriteBank`.
    """
    ys, xs = np.nonzero(mask)
    centre = np.array([xs.mean(), ys.mean()])
    covariance = np.cov(np.stack([xs, ys]).astype(np.float64))
    values, vectors = np.linalg.eigh(covariance + 1e-9 * np.eye(2))
    long_axis = vectors[:, 1]
    turn = np.array([[long_axis[0], long_axis[1]], [-long_axis[1], long_axis[0]]])
    scale = RADIUS_PX / np.sqrt(len(xs) / np.pi)
    matrix = np.empty((2, 3))
    matrix[:, :2] = scale * turn
    matrix[:, 2] = (CANVAS_PX - 1) / 2 - matrix[:, :2] @ centre
    size = (CANVAS_PX, CANVAS_PX)
    image = cv2.warpAffine(picture.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(mask.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR) > 0.5
    image = image / max(float(image[inside].mean()), 1e-6)
    root = (values[1] / max(values[0], 1e-6)) ** 0.25
    return image.astype(np.float32), outline_of(inside), np.array([root, 1 / root])


def outline_of(inside: NDArray[np.bool_]) -> FloatArray:
    """Trace the largest object of a mask as P points, from the centre of the canvas."""
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(contours, key=len)[:, 0, :].astype(np.float32)
    # Smoothed along its way, or the staircase of pixels would make every label ragged.
    smooth = gaussian_filter1d(longest, 1.5, axis=0, mode="wrap")
    picks = np.linspace(0, len(smooth), OUTLINE_POINTS, endpoint=False).astype(int)
    outline: FloatArray = (smooth[picks] - (CANVAS_PX - 1) / 2).astype(np.float32)
    return outline
