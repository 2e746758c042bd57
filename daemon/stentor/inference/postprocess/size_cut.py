"""Size cut: drops what is too small to be an object of this image, and numbers the rest from 1."""

import numpy as np
from numpy.typing import NDArray


def drop_small(
    labels_yx: NDArray[np.int32], *, least_area_px: float, least_share_of_median: float
) -> NDArray[np.int32]:
    """Remove small objects and renumber the others 1..n in their old order.

    Parameters
    ----------
    labels_yx
        Shape (Y, X), values >= 0 with or without gaps.
    least_area_px
        Smaller objects go.
    least_share_of_median
        So do objects smaller than this share of the median area of those left; 0 keeps them.
    """
    area = np.bincount(labels_yx.ravel())
    area[0] = 0
    kept = (area > 0) & (area >= least_area_px)
    if least_share_of_median > 0 and kept.any():
        kept &= area >= least_share_of_median * np.median(area[kept])
    renumbered = np.zeros(area.size, np.int32)
    renumbered[kept] = np.arange(1, np.count_nonzero(kept) + 1, dtype=np.int32)
    return renumbered[labels_yx]
