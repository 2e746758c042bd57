"""Procedural nuclei: shapes and chromatin drawn from a seed, for every phase of a cell's life."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stentor.scope.simulated.sprites import SpriteBank, standardise

FloatArray = NDArray[np.float32]

_CANVAS = 160
_RADIUS = 34.0


def interphase(rng: Generator, count: int) -> SpriteBank:
    """Draw resting nuclei: bent ellipses with granular chromatin, dark nucleoli and a soft rim."""
    return _bank([_nucleus(rng) for _ in range(count)])


def plate(rng: Generator, count: int) -> SpriteBank:
    """Draw metaphase plates and the halves of anaphase: bars with a ragged edge, long axis along x."""
    return _bank([_bar(rng) for _ in range(count)])


def apoptotic(rng: Generator, count: int) -> SpriteBank:
    """Draw dying nuclei: bright round fragments of unequal size."""
    return _bank([_fragments(rng) for _ in range(count)])


def _bank(drawn: list[tuple[FloatArray, NDArray[np.bool_]]]) -> SpriteBank:
    images, outlines, axes = zip(*(standardise(picture, mask) for picture, mask in drawn), strict=True)
    return SpriteBank(np.stack(images), np.stack(outlines), np.stack(axes))


def _grid() -> tuple[FloatArray, FloatArray]:
    axis = np.arange(_CANVAS, dtype=np.float32) - (_CANVAS - 1) / 2
    x, y = np.meshgrid(axis, axis)
    return x, y


def _noise(rng: Generator, sigma_px: float) -> FloatArray:
    """Make smooth noise of unit variance with grains of about `sigma_px`."""
    white = rng.standard_normal((_CANVAS, _CANVAS)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigma_px)
    field: FloatArray = (smooth / smooth.std()).astype(np.float32)
    return field


def _outline_distance(rng: Generator) -> FloatArray:
    """Tell how far inside a bent, irregular ellipse every pixel lies: 1 at the centre, 0 at the rim, then negative."""
    x, y = _grid()
    aspect = rng.gamma(4.0, 0.125) + 1.05
    y = y + rng.normal(0, 0.07) * (x * x / _RADIUS - _RADIUS / 3)
    x, y = x / np.sqrt(aspect), y * np.sqrt(aspect)
    theta = np.arctan2(y, x)
    rim = np.ones_like(theta)
    for k in range(2, 8):
        rim += rng.normal(0, 0.10 / k**1.3) * np.cos(k * theta + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    if rng.random() < 0.12:
        notch = np.angle(np.exp(1j * (theta - rng.uniform(-np.pi, np.pi))))
        rim -= rng.uniform(0.15, 0.4) * np.exp(-((notch / 0.35) ** 2)).astype(np.float32)
    # A superellipse: real nuclei have blunter ends than an ellipse.
    radius = ((np.abs(x) ** 2.3 + np.abs(y) ** 2.3) ** (1 / 2.3)) / _RADIUS
    distance: FloatArray = (1 - radius / np.maximum(rim, 0.3)).astype(np.float32)
    return distance


def _nucleus(rng: Generator) -> tuple[FloatArray, NDArray[np.bool_]]:
    inside = _outline_distance(rng) + 0.012 * _noise(rng, 3.0)
    mask = inside > 0
    # A flat disc a few micrometres thick: height rises over the outer third, so the rim is soft by itself.
    thickness = np.clip(inside / 0.38, 0, 1)
    height = (0.50 + 0.50 * np.sqrt(1 - (1 - thickness) ** 2)) * mask
    chromatin = 1 + 0.06 * _noise(rng, 1.6) + 0.075 * _noise(rng, 3.5) + 0.11 * _noise(rng, 12.0)
    x, y = _grid()
    for _ in range(rng.poisson(2.2)):
        cx, cy = rng.uniform(-0.55, 0.55, 2) * _RADIUS
        size = rng.uniform(2.5, 5.5)
        chromatin -= rng.uniform(0.10, 0.30) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2))
    for _ in range(rng.poisson(3.0)):
        cx, cy = rng.uniform(-0.65, 0.65, 2) * _RADIUS
        size = rng.uniform(1.5, 2.6)
        chromatin += rng.uniform(0.10, 0.35) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2))
    picture: FloatArray = (height * np.clip(chromatin, 0.2, None)).astype(np.float32)
    return picture, mask


def _bar(rng: Generator) -> tuple[FloatArray, NDArray[np.bool_]]:
    x, y = _grid()
    y = y + rng.normal(0, 0.12) * (x * x / _RADIUS - _RADIUS / 3)
    aspect = rng.uniform(2.2, 3.2)
    radius = np.hypot(x / np.sqrt(aspect), y * np.sqrt(aspect)) / _RADIUS
    inside = 1 - radius**1.4 + 0.13 * _noise(rng, 5.0) + 0.05 * _noise(rng, 2.5)
    picture: FloatArray = (np.sqrt(np.clip(inside, 0, 1)) * (1 + 0.10 * _noise(rng, 5.0))).astype(np.float32)
    mask = _largest(inside > 0)
    return np.clip(picture, 0, None) * mask, mask


def _fragments(rng: Generator) -> tuple[FloatArray, NDArray[np.bool_]]:
    x, y = _grid()
    picture = np.zeros_like(x)
    for _ in range(rng.integers(3, 7)):
        cx, cy = rng.normal(0, 0.38, 2) * _RADIUS
        size = rng.uniform(0.25, 0.55) * _RADIUS
        picture = np.maximum(picture, np.clip(1 - ((x - cx) ** 2 + (y - cy) ** 2) / size**2, 0, None))
    mask = _largest(picture > 0)
    return np.sqrt(picture) * mask, mask


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest connected part of a mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest: NDArray[np.bool_] = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest
