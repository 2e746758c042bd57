"""Size cut: drops what is too small to be an object of this image, and numbers the rest from 1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def renumbering(area_px: NDArray[Any], *, least_area_px: float, least_share_of_median: float) -> NDArray[np.int32]:
    """Return the new number of every old one, shape (n,): 0 for those dropped, 1..m for the others in their old order.

    Parameters
    ----------
    area_px
        Pixels of each number, shape (n,); what stands first is background and stays 0.
    least_area_px
        Smaller objects go.
    least_share_of_median
        So do objects smaller than this share of the median area of those left; 0 keeps them.
    """
    kept = (area_px > 0) & (area_px >= least_area_px)
    kept[:1] = False
    if least_share_of_median > 0 and kept.any():
        kept &= area_px >= least_share_of_median * np.median(area_px[kept])
    renumbered = np.zeros(max(1, area_px.size), np.int32)
    renumbered[: area_px.size][kept] = np.arange(1, np.count_nonzero(kept) + 1, dtype=np.int32)
    return renumbered
