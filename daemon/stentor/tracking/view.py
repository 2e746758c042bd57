"""View: how the pixels of one frame lie in the next, when the stage, the region or the binning has changed between."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stentor.core.frame import PixelToStage


class ChangeOfView(NamedTuple):
    """A place (y, x) in pixels of the frame before is at `matrix @ place + offset` in this one.

    Attributes
    ----------
    matrix, offset
        Shapes (2, 2) and (2,), float64.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def area_factor(self) -> float:
        """How many pixels of this frame cover one of the frame before."""
        return float(abs(np.linalg.det(self.matrix)))


def change_of_view(before: PixelToStage | None, now: PixelToStage | None) -> ChangeOfView | None:
    """Return how a specimen at rest has moved in the image; None: not at all, or one of the frames does not say."""
    if before is None or now is None or before == now:
        return None
    (old, old_origin), (new, new_origin) = _in_rows(before), _in_rows(now)
    if np.linalg.det(new) == 0:
        return None
    to_pixels = np.linalg.inv(new)
    return ChangeOfView(to_pixels @ old, to_pixels @ (old_origin - new_origin))


def _in_rows(affine: PixelToStage) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix from (y, x) in pixels to (y, x) in micrometres, and where pixel (0, 0) lies."""
    return np.array([[affine.yy, affine.yx], [affine.xy, affine.xx]]), np.array([affine.y0, affine.x0])
