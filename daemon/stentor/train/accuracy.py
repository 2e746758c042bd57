"""Accuracy: average precision of label images at several overlaps, in the form TP / (TP + FP + FN)."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

OVERLAPS: Final = (0.5, 0.75, 0.9)


def average_precision(
    found_yx: NDArray[Any], truth_yx: NDArray[Any], overlaps: Sequence[float] = OVERLAPS
) -> NDArray[np.float64]:
    """Return TP / (TP + FP + FN) of one image at each overlap (intersection over union).

    Above one half an object can match one other only, so that no assignment problem needs solving.

    Parameters
    ----------
    found_yx, truth_yx
        Label images of one shape (Y, X), 0 is background; gaps in the numbers do not matter.
    overlaps
        Each at least 0.5.

    Returns
    -------
    NDArray
        Shape (overlaps,), 0 to 1; 1 where both images are empty.

    References
    ----------
    Caicedo et al. 2019, Nat Methods, "Nucleus segmentation across imaging experiments".
    """
    counts = np.array([matches(found_yx, truth_yx, least) for least in overlaps])
    objects = counts.sum(axis=1)
    return np.where(objects == 0, 1.0, counts[:, 0] / np.maximum(objects, 1))


def matches(found_yx: NDArray[Any], truth_yx: NDArray[Any], overlap: float = 0.5) -> NDArray[np.int64]:
    """Count (true positives, false positives, false negatives) of one image, shape (3,).

    Parameters are those of `average_precision`; the counts of many images may be added up.
    """
    pairs = _overlap(found_yx, truth_yx)
    matched = np.count_nonzero(pairs > overlap)
    return np.array([matched, pairs.shape[0] - matched, pairs.shape[1] - matched], np.int64)


def _overlap(found_yx: NDArray[Any], truth_yx: NDArray[Any]) -> NDArray[np.float64]:
    """Return the intersection over union of every found with every true object, shape (found, true)."""
    found = np.unique(found_yx, return_inverse=True)[1].ravel() + (found_yx.min() > 0)
    truth = np.unique(truth_yx, return_inverse=True)[1].ravel() + (truth_yx.min() > 0)
    rows, columns = int(found.max()) + 1, int(truth.max()) + 1
    joint = np.bincount(found * columns + truth, minlength=rows * columns).reshape(rows, columns)
    union = joint.sum(axis=1)[1:, None] + joint.sum(axis=0)[None, 1:] - joint[1:, 1:]
    return np.asarray(joint[1:, 1:] / np.maximum(union, 1))
