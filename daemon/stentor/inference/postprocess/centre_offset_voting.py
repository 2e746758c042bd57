"""Centre-offset voting: every foreground pixel points at its centre and joins the seed nearest to that point."""

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.size_cut import drop_small


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
        See `size_cut.drop_small`.
    """

    foreground: float = 0.6
    centre: float = 0.5
    reach_px: float = 12.0
    least_area_px: float = 10.0
    least_share_of_median: float = 0.1

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of maps (4, Y, X)."""
        inside = maps_cyx[0] > self.foreground
        no_seed = ((maps_cyx[1] <= self.centre) | ~inside).view(np.uint8)
        labels = np.zeros(inside.shape, np.int32)
        rows, columns = np.nonzero(inside)
        seeds = 0
        if not no_seed.all():
            distance, nearest = cv2.distanceTransformWithLabels(
                no_seed, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
            )
            y, x = self._votes(maps_cyx, rows, columns)
            labels[rows, columns] = np.where(distance[y, x] <= self.reach_px, nearest[y, x], 0)
            seeds = int(nearest.max())
        _, seedless = cv2.connectedComponents((inside & (labels == 0)).view(np.uint8), connectivity=4)
        labels += np.where(seedless > 0, seedless + seeds, 0).astype(np.int32)
        return drop_small(labels, least_area_px=self.least_area_px, least_share_of_median=self.least_share_of_median)

    @staticmethod
    def _votes(
        maps_cyx: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the pixel at which each foreground pixel points, clipped to the image, shapes (n,)."""
        height, width = maps_cyx.shape[1:]
        y = np.rint(rows + maps_cyx[2, rows, columns]).astype(np.intp)
        x = np.rint(columns + maps_cyx[3, rows, columns]).astype(np.intp)
        return np.clip(y, 0, height - 1, out=y), np.clip(x, 0, width - 1, out=x)
