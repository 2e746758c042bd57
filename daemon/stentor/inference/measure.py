"""Measurements: a table of objects from a label image and the raw pixels under it."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stentor.core.finding import Objects

PIXEL_VARIANCE: Final = 1 / 12
"""Of a square pixel about its own middle, so that no axis has length zero."""


class Runs(NamedTuple):
    """Stretches of one row that bear one label, in reading order, each array of shape (n,).

    Attributes
    ----------
    label
        int32, above 0.
    y, x0, x1
        Row, first column and the column behind the last, intp.
    """

    label: NDArray[np.int32]
    y: NDArray[np.intp]
    x0: NDArray[np.intp]
    x1: NDArray[np.intp]


def measure(labels_yx: NDArray[np.int32], image_yx: NDArray[Any]) -> Objects:
    """Measure every object once, run by run: a nucleus has 30 runs where it has 700 pixels.

    100 nuclei at 512 x 512 take 0.8 ms and 1656 at 2048 x 2048 take 13 ms; pixel by pixel it was 3 and 77 ms.

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
    runs = runs_of(labels_yx)
    length = runs.x1 - runs.x0
    present, row = np.unique(runs.label, return_inverse=True)
    objects = len(present)
    count = _sums(length, row, objects)
    middle_x = (runs.x0 + runs.x1 - 1) / 2
    y_px = _sums(length * runs.y, row, objects) / count
    x_px = _sums(length * middle_x, row, objects) / count
    major, minor = _axes(runs.y - y_px[row], middle_x - x_px[row], length, row, count)
    total, brightest = _intensities(image_yx[labels_yx > 0], length, row, objects)
    return Objects(
        {
            "label": present.astype(np.int32),
            "y_px": y_px.astype(np.float32),
            "x_px": x_px.astype(np.float32),
            "bbox_y0_px": _least(runs.y, row, objects),
            "bbox_x0_px": _least(runs.x0, row, objects),
            "bbox_y1_px": -_least(-runs.y - 1, row, objects),
            "bbox_x1_px": -_least(-runs.x1, row, objects),
            "area_px": count.astype(np.float32),
            "major_axis_px": major,
            "minor_axis_px": minor,
            "mean_intensity": (total / count).astype(np.float32),
            "max_intensity": brightest,
            "sum_intensity": total,
        }
    )


def runs_of(labels_yx: NDArray[np.int32]) -> Runs:
    """Return the runs of a label image, shape (Y, X), without those of the background."""
    begins = np.ones(labels_yx.shape, np.bool_)
    np.not_equal(labels_yx[:, 1:], labels_yx[:, :-1], out=begins[:, 1:])
    begin = np.flatnonzero(begins)
    end = np.append(begin[1:], labels_yx.size)
    label = labels_yx.ravel()[begin]
    kept = label > 0
    begin, end = begin[kept], end[kept]
    y, x0 = np.divmod(begin, labels_yx.shape[1])
    return Runs(label[kept], y, x0, x0 + end - begin)


def _sums(values: NDArray[Any], row: NDArray[np.intp], objects: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(row, values, objects), np.float64)


def _least(values: NDArray[np.intp], row: NDArray[np.intp], objects: int) -> NDArray[np.int32]:
    least = np.full(objects, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(least, row, values.astype(np.int32))
    return least


def _axes(
    away_y: NDArray[np.float64],
    away_x: NDArray[np.float64],
    length: NDArray[np.intp],
    row: NDArray[np.intp],
    count: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the major and the minor axis of every object, float32, from how far its runs' middles are from its own."""
    yy, xx, xy = (
        _sums(length * products, row, len(count)) / count
        for products in (away_y**2, away_x**2 + (length**2 - 1) / 12, away_y * away_x)
    )
    middle = (yy + xx) / 2 + PIXEL_VARIANCE
    spread = np.sqrt((yy - xx) ** 2 / 4 + xy**2)
    return (4 * np.sqrt(middle + spread)).astype(np.float32), (4 * np.sqrt(middle - spread)).astype(np.float32)


def _intensities(
    values: NDArray[Any], length: NDArray[np.intp], row: NDArray[np.intp], objects: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return sum and maximum of every object, of its pixels' values in reading order."""
    brightest = np.full(objects, -np.inf, np.float32)
    if not objects:
        return np.zeros(0), brightest
    first = np.cumsum(length) - length
    total = _sums(np.add.reduceat(values.astype(np.float64), first), row, objects)
    np.maximum.at(brightest, row, np.maximum.reduceat(values, first).astype(np.float32))
    return total, brightest
