"""Family targets: what the networks of the known families of instance segmentation should answer for given labels.

Centres and offsets, which our own networks learn, are in `stentor.train.targets`. All of these take a label image of
shape (Y, X) with whole values, 0 for background, and none needs torch.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

NEIGHBOURS: Final = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))


def edge_distance(labels_yx: NDArray[Any]) -> NDArray[np.float32]:
    """Return the distance of every object pixel to the nearest pixel that is not of its object, (Y, X) float32, px.

    The border of the image is no edge; background is 0.
    """
    edges = _edges(labels_yx)
    distance = cv2.distanceTransform((~edges & (labels_yx > 0)).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.where(labels_yx > 0, np.asarray(distance) + np.float32(1.0), np.float32(0.0)).astype(np.float32)


def object_probability(labels_yx: NDArray[Any]) -> NDArray[np.float32]:
    """Return the edge distance over its largest value in the object, (Y, X) float32 in [0, 1]: 1 in the middle.

    References
    ----------
    Schmidt et al. 2018, MICCAI, "Cell detection with star-convex polygons".
    """
    distance = edge_distance(labels_yx)
    index = labels_yx.astype(np.intp)
    largest = np.zeros(int(index.max()) + 1, np.float32)
    np.maximum.at(largest, index.ravel(), distance.ravel())
    return np.asarray(distance / np.maximum(largest, 1.0)[index], np.float32)


def ray_distances(labels_yx: NDArray[Any], rays: int = 32) -> NDArray[np.float32]:
    """Return how far each object reaches from each of its pixels, (rays, Y, X) float32 in px, 0 on background.

    Ray k leaves at the angle 2 pi k / rays, counted from the x axis towards the y axis, and ends half a pixel (along
    its main axis) before the first pixel of another label, or beyond the image.

    References
    ----------
    Schmidt et al. 2018, MICCAI, "Cell detection with star-convex polygons".
    """
    padded = np.pad(labels_yx.astype(np.int32), 1, constant_values=-1)
    rows, columns = np.nonzero(labels_yx)
    out = np.zeros((rays, *labels_yx.shape), np.float32)
    for ray in range(rays):
        angle = 2 * np.pi * ray / rays
        dy, dx = float(np.sin(angle)), float(np.cos(angle))
        steps = _steps_inside(padded, rows + 1, columns + 1, dy, dx)
        out[ray, rows, columns] = steps - 0.5 / max(abs(dy), abs(dx))
    return out


def _steps_inside(
    padded_yx: NDArray[np.int32], rows: NDArray[np.intp], columns: NDArray[np.intp], dy: float, dx: float
) -> NDArray[np.float32]:
    """Return after how many steps of (dy, dx) each pixel first meets another label, shape (n,)."""
    own = padded_yx[rows, columns]
    steps = np.zeros(rows.size, np.float32)
    inside = np.arange(rows.size)
    step = 0
    while inside.size:
        step += 1
        y = np.rint(rows[inside] + step * dy).astype(np.intp)
        x = np.rint(columns[inside] + step * dx).astype(np.intp)
        left = padded_yx[y, x] != own[inside]
        steps[inside[left]] = step
        inside = inside[~left]
    return steps


def heat_flows(labels_yx: NDArray[Any]) -> NDArray[np.float32]:
    """Return the direction in which heat, put in at an object's centre, grows: (2, Y, X) float32, y and x, length 1.

    Each object is heated at its pixel nearest to its median position, as often as twice the sides of its bounding box;
    every time each of its pixels takes the mean of the nine around it, those of others counting as cold. The flow is
    the gradient of log(1 + heat), of length 1 in objects (0 where it vanishes) and 0 outside.

    References
    ----------
    Stringer et al. 2021, Nat Methods, "Cellpose: a generalist algorithm for cellular segmentation", Methods.
    """
    rows, columns = np.nonzero(labels_yx)
    flows = np.zeros((2, *labels_yx.shape), np.float32)
    if not rows.size:
        return flows
    padded = np.pad(labels_yx.astype(np.int32), 1, constant_values=0)
    number = np.full(padded.shape, rows.size, np.intp)
    number[rows + 1, columns + 1] = np.arange(rows.size)
    around = np.stack([number[rows + 1 + dy, columns + 1 + dx] for dy, dx in NEIGHBOURS])
    own = np.append(labels_yx[rows, columns], 0)
    around[own[around] != own[None, :-1]] = rows.size
    heat = np.zeros(rows.size + 1)
    sources, rounds = _sources(labels_yx, rows, columns)
    for _ in range(rounds):
        heat[sources] += 1.0
        heat[:-1] = heat[around].mean(axis=0)
    warmth = np.log1p(heat)
    dy = warmth[around[7]] - warmth[around[1]]
    dx = warmth[around[5]] - warmth[around[3]]
    length = np.maximum(np.hypot(dy, dx), 1e-20)
    flows[:, rows, columns] = np.stack([dy, dx]) / length
    return flows


def _sources(
    labels_yx: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.intp], int]:
    """Return the heated pixel of each object as an index into `rows`, and how often the largest one is heated."""
    own = labels_yx[rows, columns]
    order = np.argsort(own, kind="stable")
    sources, rounds = [], 0
    for members in np.split(order, np.flatnonzero(np.diff(own[order])) + 1):
        y, x = rows[members], columns[members]
        sources.append(members[np.argmin((y - np.median(y)) ** 2 + (x - np.median(x)) ** 2)])
        rounds = max(rounds, 2 * int(np.ptp(y) + np.ptp(x) + 2))
    return np.array(sources, np.intp), rounds


def _edges(labels_yx: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark pixels with another label among their four neighbours, shape (Y, X)."""
    edges = np.zeros(labels_yx.shape, np.bool_)
    below, right = labels_yx[1:] != labels_yx[:-1], labels_yx[:, 1:] != labels_yx[:, :-1]
    edges[1:] |= below
    edges[:-1] |= below
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    return edges
