"""Pictures: images of the validation side with what is true and what is found drawn into them."""

from collections.abc import Iterable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.model import AnyModel
from stentor.train.accuracy import average_precision
from stentor.train.nuclei_data import Specimen

TILE_PX: Final = 240
COLUMNS: Final = 5
TRUE_BGR: Final = (255, 255, 0)
FOUND_BGR: Final = (80, 80, 255)


def outline_sheet(model: AnyModel, specimens: Iterable[Specimen]) -> NDArray[np.uint8]:
    """Return a sheet of images from the worst to the best: true outlines cyan, found ones red on top of them.

    Only pixels where the two differ show cyan.
    """
    scored = []
    for specimen in specimens:
        found = model(specimen.image_yx).labels
        truth = np.where(specimen.labels_yx > 0, specimen.labels_yx, 0).astype(np.int32)
        scored.append((float(average_precision(found, truth, (0.5,))[0]), specimen, truth, found))
    scored.sort(key=lambda row: row[0])
    chosen = [scored[index] for index in np.linspace(0, len(scored) - 1, 2 * COLUMNS).astype(int)]
    tiles = [_tile(score, s.scaled_yx, truth, found) for score, s, truth, found in chosen]
    return np.vstack([np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)])


def _tile(score: float, scaled_yx: NDArray[np.float32], *labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    side = min(*scaled_yx.shape, TILE_PX)
    y, x = ((length - side) // 2 for length in scaled_yx.shape)
    window = np.s_[y : y + side, x : x + side]
    size = (TILE_PX, TILE_PX)
    grey = np.clip(255 * np.sqrt(np.maximum(scaled_yx[window], 0)), 0, 255).astype(np.uint8)
    tile = cv2.cvtColor(np.asarray(cv2.resize(grey, size)), cv2.COLOR_GRAY2BGR)
    for image, colour in zip(labels, (TRUE_BGR, FOUND_BGR), strict=True):
        large = cv2.resize(image[window].astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
        tile[_rims(np.asarray(large))] = colour
    cv2.putText(tile, f"{score:.2f}", (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def _rims(labels_yx: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the pixels of objects that have a pixel of something else beside them, shape (Y, X)."""
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.asarray((labels_yx > 0) & (cv2.erode(labels_yx, kernel) != cv2.dilate(labels_yx, kernel)))
