"""View: how the pixels of one frame lie in the next, when the stage, the region or the binning has changed between."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

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
    def is_move(self) -> bool:
        """Whether the stage or the region has moved, and nothing else."""
        return bool(np.allclose(self.matrix, np.eye(2), atol=1e-6))

    def of(self, place_yx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where places are in this frame, shape (n, 2) as they are."""
        return place_yx @ self.matrix.T + self.offset

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
    change = ChangeOfView(to_pixels @ old, to_pixels @ (old_origin - new_origin))
    return change if np.isfinite(change.matrix).all() and np.isfinite(change.offset).all() else None


def is_seen(
    change: ChangeOfView, known_yx: NDArray[np.float64], found_yx: NDArray[np.float64], radius_px: float
) -> bool:
    """Tell whether objects moved in the image as the stage says: a place that was read may be older than the image.

    A joystick moves the image at once, and the place that frames carry when it is read next. So a move is believed
    unless more of the known objects have one within `radius_px` where they were than where the move takes them.

    Parameters
    ----------
    known_yx, found_yx
        Of the frame before, and of this one, shapes (n, 2) and (m, 2).
    """
    if not change.is_move or not len(known_yx) or not len(found_yx):
        return True
    found = cKDTree(found_yx)
    moved, stayed = (
        np.isfinite(found.query(place, distance_upper_bound=radius_px)[0]).sum()
        for place in (change.of(known_yx), known_yx)
    )
    return bool(moved >= stayed)


def _in_rows(affine: PixelToStage) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix from (y, x) in pixels to (y, x) in micrometres, and where pixel (0, 0) lies."""
    return np.array([[affine.yy, affine.yx], [affine.xy, affine.xx]]), np.array([affine.y0, affine.x0])
