"""Bundle: an image-to-image model's folder as it ships: weights, card, and a test case that carries nobody's data."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from stentor.inference.card import Accuracy, ImageCard, TestCase
from stentor.inference.image_to_image import ImageModel
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.train.card_file import sha256_of, store_card
from stentor.train.export import INPUT, OUTPUT, PLANE, export_onnx
from stentor.train.image_to_image.network import HALO_PX, ImageNetwork
from stentor.train.image_to_image.recipes import ImageRecipe
from stentor.train.shuffles import without_shuffles
from stentor.train.split import Part

WEIGHTS: Final = "model.onnx"
TEST: Final = TestCase(input="test_input.npy", expected="expected.npy", tolerance=0.01)
MEASURED: Final = (Part.VALIDATION, Part.TEST)


class ExportedImageNetwork(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """The network as shipped: its answer in the unit of the card, and `without_shuffles`."""

    def __init__(self, network: ImageNetwork, unit: float) -> None:
        super().__init__()
        self.network = without_shuffles(network)
        self.unit = unit

    def forward(self, planes_nchw: Tensor) -> Tensor:
        """Return the image, shape (N, 1, Y, X)."""
        return self.network(planes_nchw) * self.unit


def write_image_bundle(recipe: ImageRecipe, network: ImageNetwork, loaded: Any, out: Path) -> ModelFolder:
    """Write weights, card with measured accuracy, and test case.

    Parameters
    ----------
    loaded
        What the recipe's `load` has returned.

    Raises
    ------
    ModelError
        If the folder cannot be read back as it was written.
    """
    out.mkdir(parents=True, exist_ok=True)
    multiple = 2 ** len(recipe.widths)
    example = torch.zeros(1, len(recipe.channels), 2 * multiple, 4 * multiple)
    free = {INPUT: PLANE, OUTPUT: PLANE}
    export_onnx(ExportedImageNetwork(network, recipe.answer_unit), example, out / WEIGHTS, free=free)
    learned = recipe.count(loaded, Part.TRAIN)
    card = ImageCard(
        name=recipe.name,
        version=int(out.name),
        description=recipe.description,
        unfit_for=recipe.unfit_for,
        licence="BSD-3-Clause",
        weights=WEIGHTS,
        sha256=sha256_of(out / WEIGHTS),
        axes="nchw",
        dtype="float32",
        channels=recipe.channels,
        outputs=(recipe.output,),
        training=tuple(replace(row, images=learned) for row in recipe.training),
        accuracy=(),
        test=TEST,
        size_multiple=multiple,
        halo_px=HALO_PX,
        restores=recipe.restores,
        unit=recipe.unit,
        normalisation=recipe.normalisation,
    )
    folder = store_card(card, out)
    model = ImageModel(folder, card, InferenceSettings(device="cpu"))
    image = recipe.test_image()
    np.save(out / TEST.input, image)
    np.save(out / TEST.expected, model(image).image)
    return store_card(replace(card, accuracy=_measured(recipe, model, loaded)), out)


def _measured(recipe: ImageRecipe, model: ImageModel, loaded: Any) -> tuple[Accuracy, ...]:
    today = datetime.now(UTC).date().isoformat()
    return tuple(
        Accuracy(
            data=recipe.data,
            part="test" if part is Part.TEST else "validation",
            images=recipe.count(loaded, part),
            measures=recipe.measure(model, loaded, part),
            command=f"stentor models bench {recipe.name} --on FOLDER --part {part.value}",
            date=today,
        )
        for part in MEASURED
    )
