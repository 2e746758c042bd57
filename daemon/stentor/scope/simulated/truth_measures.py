"""Truth measures: numbers that say how hard a labelled image is."""

import numpy as np
from numpy.typing import NDArray


def touching_fraction(labels: NDArray[np.integer]) -> float:
    """Tell the share of nuclei that touch another one, over edges and corners.

    Parameters
    ----------
    labels
        (Y, X) integers, 0 for background.

    Returns
    -------
    float
        0 to 1; 0 where there is no nucleus.
    """
    numbers = np.unique(labels)
    numbers = numbers[numbers != 0]
    if not len(numbers):
        return 0.0
    touching: set[int] = set()
    height, width = labels.shape
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = labels[: height - down, max(0, -right) : width - max(0, right)]
        there = labels[down:, max(0, right) : width + min(0, right)]
        meet = (here != there) & (here != 0) & (there != 0)
        touching.update(here[meet].tolist(), there[meet].tolist())
    return len(touching) / len(numbers)
