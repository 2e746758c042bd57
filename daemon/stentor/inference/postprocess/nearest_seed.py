"""Nearest seed: for every pixel of an image the connected seed that is nearest to it, and how near."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.scratch import SCRATCH


def nearest_seed(no_seed_yx: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return distance in pixels and number of the nearest seed, shape (Y, X) each; they last until the next call.

    Parameters
    ----------
    no_seed_yx
        False on seeds, of which there must be one; pieces that touch (8 neighbours) are one seed, numbered from 1.
    """
    distance, nearest = cv2.distanceTransformWithLabels(
        no_seed_yx.view(np.uint8),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        SCRATCH.array("distance", no_seed_yx.shape, np.float32),
        SCRATCH.array("nearest", no_seed_yx.shape, np.int32),
        labelType=cv2.DIST_LABEL_CCOMP,
    )
    return np.asarray(distance), np.asarray(nearest)
