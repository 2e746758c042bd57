"""Contact: nuclei push each other apart by their ellipses, and neighbours that touch tend to stay."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FloatColumn = NDArray[np.float64]

ADHESION_UM = 1.6


def reach(semi_axes_um: FloatColumn, angle: FloatColumn, direction: FloatColumn) -> FloatColumn:
    """Tell how far an ellipse reaches along a direction.

    Parameters
    ----------
    semi_axes_um
        (N, 2), the long one first.
    angle, direction
        (N,) radians: of the long axis, and of the ray.
    """
    a, b = semi_axes_um[:, 0], semi_axes_um[:, 1]
    relative = direction - angle
    distance: FloatColumn = a * b / np.hypot(b * np.cos(relative), a * np.sin(relative))
    return distance


def displacements(
    position_um: FloatColumn, semi_axes_um: FloatColumn, angle: FloatColumn, *, adhesion: float
) -> FloatColumn:
    """Tell how far each nucleus would have to move for all overlaps to end, shared evenly within each pair.

    Parameters
    ----------
    position_um, semi_axes_um
        (N, 2); angle: (N,) radians.
    adhesion
        Share of a gap under `ADHESION_UM` that is closed instead, 0 for none.

    Returns
    -------
    FloatColumn
        (N, 2) micrometres.
    """
    moves = np.zeros_like(position_um)
    if len(position_um) < 2:
        return moves
    longest = float(semi_axes_um[:, 0].max())
    pairs = cKDTree(position_um).query_pairs(2 * longest + ADHESION_UM, output_type="ndarray")
    if not len(pairs):
        return moves
    first, second = pairs[:, 0], pairs[:, 1]
    line = position_um[second] - position_um[first]
    distance = np.hypot(line[:, 0], line[:, 1])
    direction = np.arctan2(line[:, 1], line[:, 0])
    contact = reach(semi_axes_um[first], angle[first], direction) + reach(
        semi_axes_um[second], angle[second], direction
    )
    gap = distance - contact
    change = np.where(gap < 0, gap, np.where(gap < ADHESION_UM, adhesion * gap, 0.0)) / 2
    push = change[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1)
    for axis in (0, 1):
        moves[:, axis] += np.bincount(first, push[:, axis], len(moves))
        moves[:, axis] -= np.bincount(second, push[:, axis], len(moves))
    return moves
