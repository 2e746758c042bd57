"""Measurements: a table of objects from a label image and the raw pixels under it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.core.finding import Objects

PIXEL_VARIANCE: Final = 1 / 12
"""Of a square pixel about its own middle, so that no axis has length zero."""


def measure(labels_yx: NDArray[np.int32], image_yx: NDArray[Any]) -> Objects:
    """Measure every object once, in passes over the foreground only.

    np.bincount instead of skimage.measure.regionprops: 25 instead of 368 ms for 500 objects at 2048 x 2048.

    Parameters
    ----------
    labels_yx
        Shape (Y, X), 0 is background; numbers may have gaps.
    image_yx
        Shape (Y, X), the raw counts.

    Returns
    -------
    Objects
        One row per label, rising; columns of `stentor.core.finding.OBJECT_COLUMNS` up to `sum_intensity`, without
        those in micrometres. The bounding box is half open. The axes are those of the ellipse that has the same second
        moments (Haralick & Shapiro 1992, "Computer and Robot Vision", vol. 1, appendix A).

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if labels_yx.shape != image_yx.shape:
        raise ValueError(f"labels {labels_yx.shape} and image {image_yx.shape} must have one shape")
    place = np.flatnonzero(labels_yx)
    label = labels_yx.ravel()[place]
    value = image_yx.ravel()[place].astype(np.float32)
    y, x = np.divmod(place, labels_yx.shape[1])
    size = int(label.max()) + 1 if label.size else 1
    area = np.bincount(label, minlength=size)
    present = np.flatnonzero(area)
    count = area[present]
    total = np.bincount(label, value, minlength=size)[present]
    y0, y1, x0, x1 = (column[present] for column in _boxes(label, y, x, size))
    brightest = np.full(size, -np.inf, np.float32)
    np.maximum.at(brightest, label, value)
    y_px, x_px = (np.bincount(label, at, minlength=size)[present] / count for at in (y, x))
    row = np.zeros(size, np.intp)
    row[present] = np.arange(len(present))
    major, minor = _axes(row[label], y, x, y_px, x_px, count)
    return Objects(
        {
            "label": present.astype(np.int32),
            "y_px": y_px.astype(np.float32),
            "x_px": x_px.astype(np.float32),
            "bbox_y0_px": y0,
            "bbox_x0_px": x0,
            "bbox_y1_px": y1,
            "bbox_x1_px": x1,
            "area_px": count.astype(np.float32),
            "major_axis_px": major,
            "minor_axis_px": minor,
            "mean_intensity": (total / count).astype(np.float32),
            "max_intensity": brightest[present],
            "sum_intensity": total.astype(np.float64),
        }
    )


def _boxes(
    label: NDArray[np.int32], y: NDArray[np.intp], x: NDArray[np.intp], size: int
) -> tuple[NDArray[np.int32], ...]:
    """Return y0, y1, x0, x1 by label, half open, each of shape (size,) int32."""
    y0, y1, x0, x1 = (np.zeros(size, np.int32) for _ in range(4))
    # Pixels come in rising rows, and the last assignment to an index stays.
    y0[label[::-1]] = y[::-1]
    y1[label] = y + 1
    x0[:] = np.iinfo(np.int32).max
    columns = x.astype(np.int32)
    np.minimum.at(x0, label, columns)
    np.maximum.at(x1, label, columns + 1)
    return y0, y1, x0, x1


def _axes(
    row: NDArray[np.intp],
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    y_px: NDArray[np.float64],
    x_px: NDArray[np.float64],
    count: NDArray[np.intp],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the major and the minor axis of every object, float32; `row` is each pixel's object, from 0."""
    away_y, away_x = y - y_px[row], x - x_px[row]
    yy, xx, xy = (
        np.bincount(row, product, minlength=len(count)) / count
        for product in (away_y * away_y, away_x * away_x, away_y * away_x)
    )
    middle = (yy + xx) / 2 + PIXEL_VARIANCE
    spread = np.sqrt((yy - xx) ** 2 / 4 + xy**2)
    return (4 * np.sqrt(middle + spread)).astype(np.float32), (4 * np.sqrt(middle - spread)).astype(np.float32)
