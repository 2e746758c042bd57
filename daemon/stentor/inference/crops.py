"""Crops: one square around every object, cut from all planes at once."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.card import ChannelScale

RIM_PX = 3
"""Width of the rim of a crop whose median is its background."""


def cut(
    planes: Sequence[NDArray[Any]],
    labels_yx: NDArray[np.int32] | None,
    label: NDArray[np.int32],
    y_px: NDArray[Any],
    x_px: NDArray[Any],
    scales: Sequence[ChannelScale],
    *,
    crop_px: int,
) -> NDArray[np.float32]:
    """Return network input, shape (n, C, crop_px, crop_px): the object in the middle, its neighbours painted out.

    Parameters
    ----------
    planes
        One (Y, X) for each of `scales`.
    labels_yx
        Whose pixels are whose, shape (Y, X); None: nothing is painted out.
    label, y_px, x_px
        Number and centroid of each object, shape (n,). What lies beyond the image repeats its rim.
    """
    count = len(label)
    crops = np.empty((count, len(planes), crop_px, crop_px), np.float32)
    if not count:
        return crops
    half = crop_px // 2
    height, width = planes[0].shape
    top = np.clip(np.rint(y_px).astype(np.intp), 0, height - 1)
    left = np.clip(np.rint(x_px).astype(np.intp), 0, width - 1)
    foreign = None
    if labels_yx is not None:
        owners = _windows(labels_yx, half, crop_px)[top, left]
        foreign = (owners != 0) & (owners != label[:, None, None])
    for layer, (plane, scale) in enumerate(zip(planes, scales, strict=True)):
        cuts = _windows(plane, half, crop_px)[top, left].astype(np.float32)
        background = np.median(_rims(cuts), axis=1)[:, None, None]
        if foreign is not None:
            cuts = np.where(foreign, background, cuts)
        crops[:, layer] = (cuts - background) / _divisor(cuts, background, scale)
    return crops


def _divisor(cuts: NDArray[np.float32], background: NDArray[np.float32], scale: ChannelScale) -> Any:
    """Return what a channel is divided by, for each crop or for all of them."""
    if scale.divisor == "background":
        return np.maximum(background, np.float32(1.0))
    if scale.divisor == "bright":
        bright = np.percentile(cuts, 95, axis=(1, 2)).astype(np.float32)[:, None, None]
        return np.maximum(bright - background, np.float32(1.0))
    return np.float32(scale.divisor)


def _windows(plane: NDArray[Any], half: int, crop_px: int) -> NDArray[Any]:
    """Return a view of every crop by the pixel in its middle, shape (Y, X, crop_px, crop_px)."""
    after = crop_px - half - 1
    # cv2 pads no int32, float64 holds all of them.
    source = plane.astype(np.float64) if plane.dtype == np.int32 else plane
    padded = cv2.copyMakeBorder(source, half, after, half, after, cv2.BORDER_REPLICATE)
    return np.lib.stride_tricks.sliding_window_view(np.asarray(padded), (crop_px, crop_px))


def _rims(cuts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outermost pixels of each crop, shape (n, pixels)."""
    rim = np.ones(cuts.shape[1:], bool)
    rim[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX] = False
    return cuts[:, rim]
