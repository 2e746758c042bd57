"""Bundle: a classifier's folder as it ships: weights, card, and a test case that carries nobody's data."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from stentor.inference.card import Accuracy, ClassificationCard, TestCase, TrainingSet
from stentor.inference.classification import ClassificationModel
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.inference.verify import case_answer
from stentor.train.card_file import sha256_of, store_card
from stentor.train.export import INPUT, OUTPUT, export_onnx
from stentor.train.objects.evaluation import ObjectScore
from stentor.train.objects.network import ExportedObjectNetwork, ObjectNetwork
from stentor.train.objects.recipes import Recipe
from stentor.train.split import Part

WEIGHTS: Final = "model.onnx"
TEST: Final = TestCase(input="test_input.npy", expected="expected.npy", tolerance=0.01)
TEST_OBJECTS: Final = 12


def write_object_bundle(
    recipe: Recipe, network: ObjectNetwork, out: Path, *, temperature: float, unsure_below: float, learned: int
) -> ModelFolder:
    """Write weights, card and test case, without accuracy: see `state_object_accuracy`.

    Parameters
    ----------
    temperature
        Of the calibrated softmax, exported with the network.
    unsure_below
        See `ClassificationCard`.
    learned
        Number of objects on the training side.

    Raises
    ------
    ModelError
        If the folder cannot be read back as it was written.
    """
    out.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, len(recipe.channels), recipe.crop_px, recipe.crop_px)
    batch = {0: "objects"}
    export_onnx(ExportedObjectNetwork(network, temperature), example, out / WEIGHTS, free={INPUT: batch, OUTPUT: batch})
    card = ClassificationCard(
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
        outputs=tuple(f"p_{name}" for name in recipe.classes),
        training=(TrainingSet(name=recipe.set_name, origin=recipe.origin, images=learned),),
        accuracy=(),
        test=TEST,
        classes=recipe.classes,
        crop_px=recipe.crop_px,
        object_diameter_px=recipe.object_diameter_px,
        hides_neighbours=recipe.hides_neighbours,
        scales=recipe.scales,
        unsure_below=unsure_below,
    )
    folder = store_card(card, out)
    image = draw_objects(len(recipe.channels), recipe.crop_px)
    model = ClassificationModel(folder, card, InferenceSettings(device="cpu"))
    np.save(out / TEST.input, image)
    np.save(out / TEST.expected, case_answer(model, image))
    return store_card(replace(card, finds_with=recipe.finds_with), out)


def state_object_accuracy(
    folder: ModelFolder, scores: Sequence[ObjectScore], baseline: dict[Part, float]
) -> ModelFolder:
    """Write the measured rows into the card; `baseline` is the balanced accuracy of the simple method by side."""
    today = datetime.now(UTC).date().isoformat()
    rows = tuple(
        Accuracy(
            data=score.set_name,
            part="test" if score.part is Part.TEST else "validation",
            images=score.objects,
            measures={**score.measures, "balanced_accuracy_baseline_all_sets": round(baseline[score.part], 4)},
            command=f"stentor models bench {folder.card.name} --on FOLDER --part {score.part.value}",
            date=today,
        )
        for score in scores
    )
    return store_card(replace(folder.card, accuracy=rows), folder.path)


def draw_objects(channels: int, crop_px: int, *, seed: int = 3) -> NDArray[np.uint16]:
    """Draw soft discs of many sizes and brightnesses, shape (n, channels, crop_px, crop_px): nobody's data."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((TEST_OBJECTS, channels, crop_px, crop_px), np.float32)
    for planes in drawn:
        radius_px = crop_px * rng.uniform(0.15, 0.3)
        for plane in planes:
            disc = np.zeros((crop_px, crop_px), np.float32)
            cv2.circle(disc, (crop_px // 2, crop_px // 2), round(radius_px), float(rng.uniform(50, 1500)), -1)
            plane[:] = 100 + cv2.GaussianBlur(disc, (0, 0), 1.5) + rng.normal(0, 8, disc.shape)
    return np.clip(np.rint(drawn), 0, 65535).astype(np.uint16)
