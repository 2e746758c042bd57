"""Phase contrast: the cell around each nucleus, as contrast added to a bright field."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stentor.scope.simulated.sprites import CANVAS_PX, RADIUS_PX, SpriteBank

FloatArray = NDArray[np.float32]

SHRINK = 0.42
"""Size of the nucleus in a phase sprite relative to that in its own: the rest of the canvas shows the cell."""


def phase_bank(bank: SpriteBank, rng: Generator, round_from: int) -> FloatArray:
    """Draw the cell of every sprite, aligned with its nucleus.

    A flat cell is a little darker than the field, granular, with a bright halo outside its edge; its nucleus is
    smoother, has a dark rim, and dark nucleoli where the stain is weak. A cell in mitosis, or dying, is round,
    dark inside and has a strong halo.

    Parameters
    ----------
    bank
        Nuclei. Those from `round_from` on are in mitosis or dying.

    Returns
    -------
    FloatArray
        (K, S, S), contrast relative to the field, 0 outside the cell; to be placed `1 / SHRINK` times enlarged.
    """
    return np.stack([_cell(image, rng, is_round=k >= round_from) for k, image in enumerate(bank.images)])


def _cell(nucleus: FloatArray, rng: Generator, *, is_round: bool) -> FloatArray:
    middle = (CANVAS_PX - 1) / 2
    matrix = np.array([[SHRINK, 0, middle * (1 - SHRINK)], [0, SHRINK, middle * (1 - SHRINK)]])
    stain = cv2.warpAffine(nucleus, matrix, (CANVAS_PX, CANVAS_PX), flags=cv2.INTER_AREA)
    axis = np.arange(CANVAS_PX, dtype=np.float32) - middle
    x, y = np.meshgrid(axis, axis)
    theta = np.arctan2(y, x)
    radius = SHRINK * RADIUS_PX * (1.45 if is_round else rng.uniform(1.8, 2.3))
    rim = np.ones_like(theta)
    for k in () if is_round else range(1, 6):
        rim += rng.normal(0, 0.16 / k) * np.cos(k * theta + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    inside = (np.hypot(x * 0.85, y * 1.15) if not is_round else np.hypot(x, y)) / (radius * np.clip(rim, 0.6, 1.5))
    edge = (1 - inside) * radius
    strength = 2.4 if is_round else 1.0
    body = 0.5 * (1 + np.tanh(edge / 1.6))
    halo = np.exp(-(((edge + 2.2) / 1.8) ** 2))
    grain = cv2.GaussianBlur(rng.standard_normal((CANVAS_PX, CANVAS_PX)).astype(np.float32), (0, 0), 1.1)
    in_nucleus = np.clip(stain * 1.6, 0, 1)
    wall = cv2.morphologyEx(in_nucleus, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    smooth = cv2.GaussianBlur(stain, (0, 0), 2.0)
    contrast = body * (-0.10 * strength + 0.28 * grain * (1 - 0.7 * in_nucleus)) + 0.16 * strength * halo
    contrast += in_nucleus * (0.05 + 0.5 * (stain - smooth)) - 0.09 * wall
    window = np.clip((middle - np.maximum(np.abs(x), np.abs(y))) / 5, 0, 1)
    cell: FloatArray = (contrast * window).astype(np.float32)
    return cell
