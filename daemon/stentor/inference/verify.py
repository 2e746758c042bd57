"""Verify: run a model's own test case on the device in use and compare with what its card promises."""

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.core.stage import ModelIdentity
from stentor.inference.classification import ClassificationModel, in_the_middle
from stentor.inference.image_to_image import ImageModel
from stentor.inference.model import AnyModel, open_model
from stentor.inference.repository import find_model
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.settings import Device, InferenceSettings, Precision


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one test case.

    Attributes
    ----------
    found, expected
        How many objects were found, in a segmentation; else how many answers were compared, equal by construction.
    difference, tolerance
        What `stentor.inference.card.TestCase` defines for the kind of model, and how much of it the card allows.
    """

    model: ModelIdentity
    found: int
    expected: int
    difference: float
    tolerance: float

    @property
    def is_well(self) -> bool:
        """Whether the model does here what it did when it was made."""
        return self.found == self.expected and self.difference <= self.tolerance


def verify_model(name: str, device: Device = "auto", precision: Precision = "auto") -> Verification:
    """Run a model's test case.

    Raises
    ------
    ModelError
        If the model cannot be loaded on that device, or its test files cannot be read.
    """
    folder = find_model(name)
    test = folder.card.test
    image, expected = read_array(folder.path / test.input), read_array(folder.path / test.expected)
    model = open_model(folder, InferenceSettings(device=device, precision=precision))
    answer = case_answer(model, image)
    if answer.shape != expected.shape:
        raise ModelError(
            f"{folder.path / test.expected}: has shape {expected.shape}, the answer {answer.shape}; reinstall the model"
        )
    return Verification(
        model=model.identity,
        found=int(answer.max()) if isinstance(model, SegmentationModel) else len(answer),
        expected=int(expected.max()) if isinstance(model, SegmentationModel) else len(expected),
        difference=round(_difference(model, answer, expected), 6),
        tolerance=test.tolerance,
    )


def case_answer(model: AnyModel, image: NDArray[Any]) -> NDArray[Any]:
    """Return what a test case compares: labels (Y, X), an image (Y, X), or probabilities (n, classes).

    A classification takes a stack of single objects, shape (n, C, Y, X).
    """
    match model:
        case SegmentationModel():
            return model(image).labels
        case ImageModel():
            return model(image).image
        case ClassificationModel():
            # Not by a call, which may look for the objects with another model: a case is of one model alone.
            found = [model.classify(list(crop), None, in_the_middle(crop.shape[1:])) for crop in image]
            rows = [np.stack([row[f"p_{name}"] for name in model.card.classes], axis=1) for row in found]
            return np.concatenate(rows)


def read_array(path: Path) -> NDArray[Any]:
    """Read a test file: .npy as it is, anything else as one plane.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    try:
        is_array = path.suffix == ".npy"
        array = np.load(path, allow_pickle=False) if is_array else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except (OSError, ValueError) as err:
        raise ModelError(f"{path}: cannot be read ({err}); reinstall the model") from err
    if array is None:
        raise ModelError(f"{path}: cannot be read as an image; reinstall the model")
    return np.asarray(array)


def _difference(model: AnyModel, answer: NDArray[Any], expected: NDArray[Any]) -> float:
    match model:
        case SegmentationModel():
            return float(np.mean((answer > 0) != (expected > 0)))
        case ImageModel():
            span = max(float(np.ptp(expected)), float(np.finfo(np.float32).tiny))
            return float(np.abs(answer - expected).max() / span)
        case ClassificationModel():
            return float(np.abs(answer - expected).max())
