"""Distractors: what glows and is no nucleus: fibres, cytoplasm, specks, and fields with nothing in them at all."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def add_distractors(scaled_yx: Plane, labels_yx: Plane, diameter_px: float, rng: np.random.Generator) -> Plane:
    """Return the plane with fibres, cytoplasm and specks drawn under and between its objects.

    Parameters
    ----------
    scaled_yx
        Shape (Y, X), 0 dark and 1 bright.
    labels_yx
        Shape (Y, X), > 0 in objects: specks stay off them.
    diameter_px
        Mean diameter of the objects, the measure of what is drawn.
    """
    image: NDArray[Any] = scaled_yx
    if rng.random() < 0.15:
        image = np.maximum(image, _fibres(image.shape, diameter_px, rng))
    if rng.random() < 0.2:
        image = image + _cytoplasm(labels_yx, diameter_px, rng)
    if rng.random() < 0.15:
        image = image + _specks(image.shape, diameter_px, rng) * (labels_yx <= 0)
    return np.asarray(image, np.float32)


def empty_field(shape_yx: tuple[int, ...], diameter_px: float, rng: np.random.Generator) -> Plane:
    """Draw a field without nuclei as a model sees it: whatever is there, stretched by its own percentiles.

    Noise, sometimes smooth; light that falls off; at times fibres, cytoplasm or specks.
    """
    image: NDArray[Any] = rng.standard_normal(shape_yx, dtype=np.float32)
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 3.0))))
    image = image / image.std()
    strength = float(rng.uniform(0.5, 12.0))
    if rng.random() < 0.6:
        corners = rng.uniform(0.0, 1.0, (3, 3)).astype(np.float32)
        image = image + strength * np.asarray(cv2.resize(corners, shape_yx[::-1], interpolation=cv2.INTER_CUBIC))
    if rng.random() < 0.5:
        image = image + strength * _fibres(shape_yx, diameter_px, rng)
    if rng.random() < 0.4:
        image = image + strength * _cytoplasm(np.zeros(shape_yx, np.float32), diameter_px, rng)
    if rng.random() < 0.3:
        image = image + strength * _specks(shape_yx, diameter_px, rng)
    return stretched(np.asarray(image, np.float32))


def stretched(image_yx: Plane, low_percent: float = 1.0, high_percent: float = 99.8) -> Plane:
    """Return (image - low) / (high - low) of the plane's percentiles, as normalisation does."""
    low, high = np.percentile(image_yx, (low_percent, high_percent))
    return np.asarray((image_yx - np.float32(low)) / np.float32(max(high - low, 1e-6)), np.float32)


def _fibres(shape_yx: tuple[int, ...], diameter_px: float, rng: np.random.Generator) -> Plane:
    """Draw up to six bent lines, a fraction of a nucleus wide, up to 0.7 bright."""
    canvas = np.zeros(shape_yx, np.float32)
    for _ in range(int(rng.integers(1, 7))):
        length_px, steps = diameter_px * rng.uniform(1.0, 8.0), 12
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0.0, 0.25, steps))
        path = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * length_px / steps, axis=0)
        path += rng.uniform(0, shape_yx[::-1], 2)
        width_px = max(1, round(diameter_px * rng.uniform(0.03, 0.25)))
        cv2.polylines(canvas, [np.rint(path).astype(np.int32)], False, float(rng.uniform(0.1, 0.7)), width_px)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(diameter_px * rng.uniform(0.03, 0.12))))


def _cytoplasm(labels_yx: Plane, diameter_px: float, rng: np.random.Generator) -> Plane:
    """Draw soft, textured glows a few nuclei wide around some objects, or anywhere, up to 0.35 bright."""
    shape = labels_yx.shape
    canvas = np.zeros(shape, np.float32)
    inside = np.argwhere(labels_yx > 0)
    for _ in range(int(rng.integers(1, 9))):
        y, x = inside[rng.integers(len(inside))] if len(inside) and rng.random() < 0.7 else rng.uniform(0, shape)
        axes = np.rint(diameter_px * rng.uniform(0.6, 2.0, 2)).astype(int)
        cv2.ellipse(
            canvas, (int(x), int(y)), (int(axes[0]), int(axes[1])), float(rng.uniform(0, 180)), 0, 360,
            float(rng.uniform(0.05, 0.35)), -1,
        )  # fmt: skip
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(diameter_px * rng.uniform(0.1, 0.5))))
    texture = np.asarray(cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), diameter_px / 10))
    return np.asarray(canvas * (1.0 + np.float32(rng.uniform(0.0, 0.4)) * texture / texture.std()), np.float32)


def _specks(shape_yx: tuple[int, ...], diameter_px: float, rng: np.random.Generator) -> Plane:
    """Draw up to twelve round specks, at most a sixth of a nucleus wide, up to 1.5 bright."""
    canvas = np.zeros(shape_yx, np.float32)
    for _ in range(int(rng.integers(1, 13))):
        y, x = rng.integers(0, shape_yx[0]), rng.integers(0, shape_yx[1])
        radius_px = int(rng.integers(0, max(1, round(diameter_px / 12)) + 1))
        cv2.circle(canvas, (int(x), int(y)), radius_px, float(rng.uniform(0.2, 1.5)), -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.4, 1.2))))
