"""Threshold and components: every connected piece of foreground is one object; touching objects are not split."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.foreground import Foreground


class ThresholdComponents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reads channel 0, the foreground probability.

    Attributes
    ----------
    foreground
        Pixels above it are object.
    least_area_px, least_share_of_median
        See `size_cut.renumbering`.
    """

    foreground: float = 0.5
    least_area_px: float = 10.0
    least_share_of_median: float = 0.0

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of maps (C, Y, X)."""
        foreground = Foreground(maps_cyx[0] > self.foreground)
        return foreground.label_image(
            np.zeros(foreground.size, np.int32),
            least_area_px=self.least_area_px,
            least_share_of_median=self.least_share_of_median,
        )
