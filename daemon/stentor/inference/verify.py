"""Verify: run a model's own test image on the device in use and compare with what its card promises."""

import cv2
import msgspec
import numpy as np

from stentor.core.errors import ModelError
from stentor.core.stage import ModelIdentity
from stentor.inference.model import Model
from stentor.inference.repository import find_model
from stentor.inference.settings import Device, InferenceSettings


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one test case.

    `disagreeing` is the share of pixels that changed sides between object and background, `tolerance` the largest
    that the card allows; the number of objects must be the same.
    """

    model: ModelIdentity
    objects: int
    expected_objects: int
    disagreeing: float
    tolerance: float

    @property
    def is_well(self) -> bool:
        """Whether the model does here what it did when it was made."""
        return self.objects == self.expected_objects and self.disagreeing <= self.tolerance


def verify_model(name: str, device: Device = "auto") -> Verification:
    """Run a model's test case.

    Raises
    ------
    ModelError
        If the model cannot be loaded on that device, or its test files cannot be read.
    """
    folder = find_model(name)
    test = folder.card.test
    image, expected = (
        cv2.imread(str(folder.path / file), cv2.IMREAD_UNCHANGED) for file in (test.input, test.expected)
    )
    if image is None or expected is None or image.shape != expected.shape:
        raise ModelError(f"{folder.path}: {test.input} and {test.expected} are no two images of one size; reinstall it")
    model = Model(folder, InferenceSettings(device=device))
    labels = model(image).labels
    return Verification(
        model=model.identity,
        objects=int(labels.max()),
        expected_objects=int(expected.max()),
        disagreeing=round(float(np.mean((labels > 0) != (expected > 0))), 6),
        tolerance=test.tolerance,
    )
