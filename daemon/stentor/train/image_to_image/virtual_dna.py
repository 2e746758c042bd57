"""Virtual DNA: the DNA stain of Jurkat cells from brightfield and darkfield, beside linear regression."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.image_to_image import ImageModel
from stentor.train.image_to_image.example import Example
from stentor.train.image_to_image.similarity import pearson_r
from stentor.train.objects.judged_objects import parts_of
from stentor.train.objects.jurkat import CHANNELS, read_cells
from stentor.train.split import Part

INPUTS: Final = ("brightfield", "darkfield")
LOW: Final = (677.0, 27.0)
HIGH: Final = (777.0, 77.0)
"""Counts that become 0 and 1 in brightfield and darkfield: fixed, because their level carries meaning; 677 and 27 are
the medians of the background over all cells.
"""

DNA_BACKGROUND: Final = 39.0
DNA_UNIT: Final = 500.0
RIDGE: Final = 10.0
SCALES_PX: Final = (0.0, 1.0, 2.0, 4.0)

Cells = dict[Part, NDArray[np.uint16]]


def load_cells(data: str) -> Cells:
    """Read the cells by side of the split, (n, 3, 40, 40) uint16: brightfield, DNA, darkfield; raises ConfigError."""
    images = read_cells(data)[0]
    part_n = parts_of([f"jurkat {index}" for index in range(len(images))])
    return {part: images[part_n == part.value] for part in Part}


def example(cells: Cells, rng: np.random.Generator, part: Part) -> Example:
    """Draw a cell in any orientation, shifted by up to 3 px, a little brighter or darker."""
    image = cells[part][int(rng.integers(len(cells[part])))].astype(np.float32)
    turned = np.rot90(image, int(rng.integers(4)), axes=(1, 2))
    if rng.random() < 0.5:
        turned = turned[:, :, ::-1]
    shift = np.array([[1, 0, rng.integers(-3, 4)], [0, 1, rng.integers(-3, 4)]], np.float32)
    moved = np.stack(
        [cv2.warpAffine(np.ascontiguousarray(p), shift, (40, 40), borderMode=cv2.BORDER_REPLICATE) for p in turned]
    )
    planes = scaled(moved) * np.float32(1.05) ** rng.uniform(-1, 1, (2, 1, 1)).astype(np.float32)
    planes = planes + rng.normal(0, 0.01, planes.shape)
    return planes.astype(np.float32), wanted(moved), 1.0


def scaled(image_cyx: NDArray[Any]) -> NDArray[np.float32]:
    """Return brightfield and darkfield of a cell as the network sees them, (2, Y, X)."""
    planes = [
        (image_cyx[CHANNELS[name]].astype(np.float32) - low) / (high - low)
        for name, low, high in zip(INPUTS, LOW, HIGH, strict=True)
    ]
    return np.stack(planes).astype(np.float32)


def wanted(image_cyx: NDArray[Any]) -> NDArray[np.float32]:
    """Return the DNA stain of a cell in the network's unit, (Y, X)."""
    return np.asarray((image_cyx[CHANNELS["DNA"]].astype(np.float32) - DNA_BACKGROUND) / DNA_UNIT, np.float32)


def measure_virtual_dna(model: ImageModel, cells: Cells, part: Part) -> dict[str, float]:
    """Return Pearson's r within cells and of integrated DNA, and its error, for the model and for ridge regression.

    `dna_error` is the median of |predicted - true| / true of the integrated stain of a cell.
    """
    truth = np.stack([wanted(image) for image in cells[part]])
    inputs = cells[part][:, [CHANNELS[name] for name in INPUTS]]
    found = np.stack([model.predict(list(planes)) for planes in inputs]) / np.float32(DNA_UNIT)
    linear = _ridge(cells, part)
    measures: dict[str, float] = {}
    for name, answer in (("", found), ("_linear", linear)):
        total, true = answer.sum(axis=(1, 2)), truth.sum(axis=(1, 2))
        within = [pearson_r(a, t) for a, t in zip(answer, truth, strict=True)]
        measures[f"pearson_r{name}"] = pearson_r(answer, truth)
        measures[f"pearson_r_within_a_cell{name}"] = float(np.median(within))
        measures[f"pearson_r_integrated{name}"] = pearson_r(total, true)
        measures[f"dna_error{name}"] = float(np.median(np.abs(total - true) / true))
    return {name: round(value, 4) for name, value in measures.items()}


def _ridge(cells: Cells, part: Part) -> NDArray[np.float32]:
    """Return the stain that ridge regression predicts from both channels at four scales, and their squares."""
    learned = cells[Part.TRAIN][:: max(1, len(cells[Part.TRAIN]) // 1500)]
    x = np.concatenate([_features(image) for image in learned])
    y = np.concatenate([wanted(image).ravel() for image in learned]).astype(np.float64)
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
    return np.stack([(_features(image) @ weights).reshape(40, 40) for image in cells[part]]).astype(np.float32)


def _features(image_cyx: NDArray[Any]) -> NDArray[np.float64]:
    planes = scaled(image_cyx)
    blurred = [
        plane if sigma == 0 else np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma))
        for plane in planes
        for sigma in SCALES_PX
    ]
    columns = [np.ones(planes[0].size), *(p.ravel() for p in blurred), *((p**2).ravel() for p in blurred)]
    return np.stack(columns, axis=1).astype(np.float64)


def pictures(model: ImageModel, cells: Cells) -> list[list[NDArray[np.float32]]]:
    """Return rows of brightfield, darkfield, linear regression, prediction and truth of single cells."""
    shown = {**cells, Part.TEST: cells[Part.TEST][:6]}
    linear = _ridge(shown, Part.TEST)
    return [
        [
            *(image[CHANNELS[name]].astype(np.float32) for name in INPUTS),
            DNA_UNIT * flat,
            model.predict([image[CHANNELS[name]] for name in INPUTS]),
            DNA_UNIT * wanted(image),
        ]
        for image, flat in zip(shown[Part.TEST], linear, strict=True)
    ]
