"""Augmentation: one specimen, many microscopes: other scales, orientations, exposures, noise and cameras."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.normalise import compress
from stentor.train.nuclei_data import Specimen
from stentor.train.targets import IGNORED, draw_targets

Crop = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Network input (Y, X) and targets (5, Y, X)."""


def draw_crop(
    specimen: Specimen, rng: np.random.Generator, *, crop_px: int, diameter_px: float, scale_jitter: float
) -> Crop:
    """Cut a random, randomly changed square out of a specimen.

    Parameters
    ----------
    diameter_px
        Mean diameter that the objects should have in the crop, before it is varied by a factor between
        1 / `scale_jitter` and `scale_jitter`.
    """
    mean_px = specimen.objects.mean_diameter_px or diameter_px
    scale = diameter_px / mean_px * scale_jitter ** rng.uniform(-1.0, 1.0)
    affine = _placement(specimen.scaled_yx.shape, scale, crop_px, rng)
    size = (crop_px, crop_px)
    # Shrinking by more than two needs an area average, or noise aliases into texture.
    source = cv2.blur(specimen.scaled_yx, (k, k)) if (k := int(1 / scale + 0.5)) > 1 else specimen.scaled_yx
    image = cv2.warpAffine(source, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    labels = cv2.warpAffine(
        specimen.labels_yx,
        affine,
        size,
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(IGNORED),
    )
    targets = draw_targets(np.asarray(labels), specimen.objects.mapped(affine))
    return compress(vary(np.asarray(image), rng)), targets


def _placement(shape_yx: tuple[int, ...], scale: float, crop_px: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the affine source -> crop: scale, one of eight orientations, a window inside the image if it fits."""
    height, width = shape_yx
    half = crop_px / 2 / scale
    y, x = (rng.uniform(half, length - half) if length > 2 * half else length / 2 for length in (height, width))
    turn = np.eye(2)
    for _ in range(int(rng.integers(4))):
        turn = np.array([[0.0, -1.0], [1.0, 0.0]]) @ turn
    if rng.random() < 0.5:
        turn = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ turn
    linear = scale * turn
    shift = np.array([crop_px / 2 - 0.5, crop_px / 2 - 0.5]) - linear @ np.array([x - 0.5, y - 0.5])
    return np.column_stack([linear, shift])


def vary(scaled: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Change the exposure, contrast, focus, noise, background and bit depth of a scaled plane, (Y, X) float32."""
    image: NDArray[Any] = np.clip(scaled, -0.2, 8.0)
    if rng.random() < 0.5:
        image = np.sign(image) * np.abs(image) ** np.float32(2.0 ** rng.uniform(-0.6, 0.6))
    if rng.random() < 0.7:
        image = image * np.float32(2.0 ** rng.uniform(-1.2, 0.7))
    if rng.random() < 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6))))
    if rng.random() < 0.4:
        image = image + _haze(image.shape, rng)
    if rng.random() < 0.5:
        image = image + _noise(image, rng)
    if rng.random() < 0.1:
        image = np.round(image * np.float32(levels := rng.integers(12, 64))) / np.float32(levels)
    if rng.random() < 0.3:
        image = image + np.float32(rng.normal(0.0, 0.03))
    return np.ascontiguousarray(image, dtype=np.float32)


def _haze(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth background, four random values over the plane, up to 0.25 of full scale."""
    corners = rng.uniform(0.0, rng.uniform(0.02, 0.25), (3, 3)).astype(np.float32)
    return np.asarray(cv2.resize(corners, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def _noise(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return noise whose variance has a constant (read) and a proportional (shot) share, (Y, X) float32."""
    read = rng.uniform(0.002, 0.04)
    shot = rng.uniform(0.0, 0.04)
    deviation = np.sqrt(np.float32(read**2) + np.float32(shot**2) * np.maximum(image, 0.0) * 4)
    return np.asarray(deviation * rng.standard_normal(image.shape, dtype=np.float32))
