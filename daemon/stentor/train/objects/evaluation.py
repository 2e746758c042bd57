"""Evaluation: how well a finished classifier judges objects it has never seen, through the network that ships."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stentor.inference.card import ClassificationCard
from stentor.inference.classification import BATCHES, ClassificationModel
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.train.objects.calibration import balanced_accuracy, calibration_error, class_weights, confusion
from stentor.train.objects.judged_objects import JudgedObjects
from stentor.train.split import Part


@dataclass(frozen=True, slots=True, eq=False)
class ObjectScore:
    """One set on one side of the split.

    Attributes
    ----------
    confusion
        Objects by true (row) and found class, shape (classes, classes); the unsure ones by their likeliest class.
    measures
        As in a card: `balanced_accuracy` over the classes present; `balanced_accuracy_sure` and `sure` without those
        called unsure, and their share; `calibration_error`, classes weighing alike; `recall_<class>`.
    """

    set_name: str
    part: Part
    objects: int
    confusion: NDArray[np.int64]
    measures: dict[str, float]


def evaluate_classifier(folder: ModelFolder, objects: JudgedObjects, part: Part) -> list[ObjectScore]:
    """Score each set on one side of the split."""
    assert isinstance(folder.card, ClassificationCard)
    model = ClassificationModel(folder, folder.card, InferenceSettings(device="cpu"))
    scores = []
    for name in np.unique(objects.set_n).tolist():
        chosen = objects.on(part, name)
        if len(chosen):
            scores.append(_score(model, chosen, name, part))
    return scores


def probabilities(model: ClassificationModel, objects: JudgedObjects) -> NDArray[np.float64]:
    """Return the model's probabilities, shape (n, classes)."""
    parts = [
        model.judge(objects.crops_nchw[start : start + BATCHES[-1]]) for start in range(0, len(objects), BATCHES[-1])
    ]
    return np.concatenate(parts).astype(np.float64)


def _score(model: ClassificationModel, objects: JudgedObjects, set_name: str, part: Part) -> ObjectScore:
    classes = model.card.classes
    probability = probabilities(model, objects)
    found, truth = probability.argmax(axis=1), objects.class_n
    counts = confusion(truth, found, len(classes))
    sure = probability.max(axis=1) >= model.card.unsure_below
    measures = {
        "balanced_accuracy": balanced_accuracy(counts),
        "balanced_accuracy_sure": balanced_accuracy(confusion(truth[sure], found[sure], len(classes))),
        "sure": float(sure.mean()),
        "calibration_error": calibration_error(probability, truth, class_weights(truth, len(classes))),
    }
    for index, name in enumerate(classes):
        if counts[index].any():
            measures[f"recall_{name}"] = float(counts[index, index] / counts[index].sum())
    for index, true_name in enumerate(classes):
        for other, found_name in enumerate(classes):
            measures[f"true_{true_name}_found_{found_name}"] = float(counts[index, other])
    return ObjectScore(set_name, part, len(objects), counts, {name: round(x, 4) for name, x in measures.items()})
