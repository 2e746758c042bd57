"""Crowd: more touching and overlapping objects than a field has, made by laying its own objects against each other."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.train.targets import ObjectTable

LEAST_AREA_PX = 60
"""Smaller pieces are no donors: they carry no texture."""


def crowd(
    scaled_yx: NDArray[np.float32],
    labels_yx: NDArray[np.float32],
    objects: ObjectTable,
    rng: np.random.Generator,
    *,
    copies: int = 4,
) -> tuple[NDArray[np.float32], NDArray[np.float32], ObjectTable]:
    """Lay copies of objects that lie whole in the crop against others; light adds up where they overlap.

    Parameters
    ----------
    scaled_yx, labels_yx
        Shape (Y, X) float32, and the labels of its pixels; neither is changed.
    objects
        Centres and diameters in the pixels of the crop, a row per label.
    copies
        How many at most.

    Returns
    -------
    tuple
        Image, labels and table of the crowded crop; new objects have new labels. Where two overlap, either may own
        the pixels.
    """
    whole = _whole_objects(labels_yx)
    if not whole:
        return scaled_yx, labels_yx, objects
    image, labels = scaled_yx.copy(), labels_yx.copy()
    background = float(np.median(image[labels <= 0])) if (labels <= 0).any() else 0.0
    y_px, x_px, diameter_px = (list(column) for column in (objects.y_px, objects.x_px, objects.diameter_px))
    for _ in range(int(rng.integers(1, copies + 1))):
        label, box = whole[rng.integers(len(whole))]
        mask, light = _turned(labels_yx[box] == label, scaled_yx[box] - background, rng)
        host, _ = whole[rng.integers(len(whole))]
        reach_px = 0.5 * (objects.diameter_px[label] + objects.diameter_px[host]) * rng.uniform(0.75, 1.1)
        angle = rng.uniform(0, 2 * np.pi)
        y0 = round(float(objects.y_px[host] + reach_px * np.sin(angle)) - mask.shape[0] / 2)
        x0 = round(float(objects.x_px[host] + reach_px * np.cos(angle)) - mask.shape[1] / 2)
        if y0 < 0 or x0 < 0 or y0 + mask.shape[0] > labels.shape[0] or x0 + mask.shape[1] > labels.shape[1]:
            continue
        window = np.s_[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]]
        taken = mask & (labels[window] > 0)
        if taken.sum() > 0.35 * mask.sum():
            continue
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
        image[window] += light * soft
        owned = mask & ~taken if rng.random() < 0.5 else mask
        labels[window][owned] = len(y_px)
        rows, columns = np.nonzero(owned)
        y_px.append(np.float32(y0 + rows.mean()))
        x_px.append(np.float32(x0 + columns.mean()))
        diameter_px.append(np.float32(np.sqrt(4 * rows.size / np.pi)))
    table = ObjectTable(*(np.array(column, np.float32) for column in (y_px, x_px, diameter_px)))
    return image, labels, table


def _whole_objects(labels_yx: NDArray[np.float32]) -> list[tuple[int, tuple[slice, slice]]]:
    """Return (label, window) of the objects that do not touch the rim of the crop."""
    found = []
    rim = np.unique(np.concatenate([labels_yx[[0, -1]].ravel(), labels_yx[:, [0, -1]].ravel()]))
    for label in np.setdiff1d(np.unique(labels_yx), rim):
        rows, columns = np.nonzero(labels_yx == label)
        if label > 0 and rows.size >= LEAST_AREA_PX:
            found.append((int(label), (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))))
    return found


def _turned(
    mask_yx: NDArray[np.bool_], light_yx: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return both in one of eight orientations, the light with another gain."""
    turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
    mask, light = np.rot90(mask_yx, turns), np.rot90(light_yx, turns)
    if mirrored:
        mask, light = mask[:, ::-1], light[:, ::-1]
    gain = np.float32(2.0 ** rng.uniform(-0.6, 0.6))
    return np.ascontiguousarray(mask), np.ascontiguousarray(np.maximum(light, 0.0) * gain)
