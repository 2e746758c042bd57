"""Report: what a classifier learned, how well it does, and what it mistakes, written as REPORT.md with a picture."""

import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.card import ClassificationCard
from stentor.inference.classification import ClassificationModel
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.train.objects.evaluation import ObjectScore, probabilities
from stentor.train.objects.judged_objects import JudgedObjects
from stentor.train.objects.settings import ObjectSettings
from stentor.train.speed import processor
from stentor.train.split import Part

PICTURE = "objects.png"
COLUMNS = 12
THREADS = 2


def write_object_report(
    folder: ModelFolder,
    settings: ObjectSettings,
    objects: JudgedObjects,
    scores: Sequence[ObjectScore],
    baseline: dict[Part, float],
    history: Sequence[tuple[int, float, float]],
    spent_s: float,
) -> None:
    """Write REPORT.md and a picture of objects of the test side beside the card."""
    card = folder.card
    assert isinstance(card, ClassificationCard)
    model = ClassificationModel(folder, card, InferenceSettings(device="cpu", intra_op_threads=THREADS))
    cv2.imwrite(str(folder.path / PICTURE), _picture(model, objects.on(Part.TEST)))
    lines = [
        *(f"# {card.identity}", "", card.description, "", f"**Not for:** {card.unfit_for}", ""),
        *_data(objects, card.classes),
        *_training(settings, history, spent_s),
        *_accuracy(scores, baseline, card.classes),
        *_speed(model),
        *("## Objects of the test side", "", f"![objects]({PICTURE})", ""),
        "One row for each class, the first channel; a frame marks what was found: white right, red wrong, grey unsure.",
    ]
    (folder.path / "REPORT.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _data(objects: JudgedObjects, classes: Sequence[str]) -> Iterator[str]:
    yield from ("## Data", "", f"| set | side | {' | '.join(classes)} |", "| --- " * (2 + len(classes)) + "|")
    for name in np.unique(objects.set_n).tolist():
        for part in Part:
            counts = np.bincount(objects.on(part, name).class_n, minlength=len(classes))
            yield f"| {name} | {part.value} | {' | '.join(map(str, counts))} |"
    yield ""


def _training(settings: ObjectSettings, history: Sequence[tuple[int, float, float]], spent_s: float) -> Iterator[str]:
    yield from ("## Training", "")
    yield (
        f"{history[-1][0] if history else 0} steps of {settings.batch} crops, every class equally often, in "
        f"{spent_s / 60:.1f} minutes on {settings.threads} CPU threads; AdamW {settings.learning_rate:g}, one cosine, "
        f"seed {settings.seed}; turned, mirrored, shifted, blurred, noisy, each channel up to {settings.gain:g} times "
        "brighter or darker. Label smoothing 0.05; the temperature of the softmax was fitted on the validation side."
    )  # fmt: skip
    yield ""


def _accuracy(scores: Sequence[ObjectScore], baseline: dict[Part, float], classes: Sequence[str]) -> Iterator[str]:
    yield from ("## Accuracy", "")
    yield "| side | set | objects | balanced accuracy | of those it is sure of (share) | calibration error |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for score in scores:
        m = score.measures
        yield (
            f"| {score.part.value} | {score.set_name} | {score.objects} | {m['balanced_accuracy']:.3f} | "
            f"{m['balanced_accuracy_sure']:.3f} ({m['sure']:.2f}) | {m['calibration_error']:.3f} |"
        )
    yield ""
    sides = ", ".join(f"{value:.3f} on the {part.value} side" for part, value in baseline.items())
    yield f"Logistic regression on mean, spread and maximum of each channel, all sets together: {sides}."
    for score in scores:
        yield from ("", f"{score.part.value.capitalize()}, {score.set_name}: true class by row, found by column.", "")
        yield f"| | {' | '.join(classes)} |"
        yield "| --- " * (1 + len(classes)) + "|"
        for name, row in zip(classes, score.confusion, strict=True):
            if row.any():
                yield f"| {name} | {' | '.join(map(str, row))} |"
    yield ""


def _speed(model: ClassificationModel) -> Iterator[str]:
    yield from ("## Speed", "", f"{processor()}, {THREADS} threads, crops in, probabilities out.", "")
    yield from ("| objects | median ms | p99 ms |", "| --- | --- | --- |")
    card = model.card
    for count in (8, 64, 256):
        crops = np.zeros((count, len(card.channels), card.crop_px, card.crop_px), np.float32)
        spent_ms = []
        for _ in range(32):
            begun = time.perf_counter()
            model.judge(crops)
            spent_ms.append(1e3 * (time.perf_counter() - begun))
        yield f"| {count} | {np.median(spent_ms[2:]):.1f} | {np.percentile(spent_ms[2:], 99):.1f} |"
    yield ""


def _picture(model: ClassificationModel, objects: JudgedObjects) -> NDArray[np.uint8]:
    """Draw a row of objects for each class."""
    rng = np.random.default_rng(0)
    probability = probabilities(model, objects)
    rows = []
    for index in range(len(model.card.classes)):
        of_class = np.flatnonzero(objects.class_n == index)
        chosen = rng.permutation(of_class)[:COLUMNS]
        tiles = [_tile(objects.crops_nchw[at, 0], probability[at], index, model.card.unsure_below) for at in chosen]
        blank = np.zeros((model.card.crop_px, model.card.crop_px, 3), np.uint8)
        rows.append(np.hstack([*tiles, *[blank] * (COLUMNS - len(tiles))]))
    return np.vstack(rows)


def _tile(
    crop_yx: NDArray[np.float32], probability_c: NDArray[np.float64], true: int, unsure_below: float
) -> NDArray[np.uint8]:
    low, high = np.percentile(crop_yx, (1, 99.8))
    grey = np.clip((crop_yx - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    tile = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    is_sure = probability_c.max() >= unsure_below
    colour = (128, 128, 128) if not is_sure else (255, 255, 255) if probability_c.argmax() == true else (60, 60, 255)
    cv2.rectangle(tile, (0, 0), (tile.shape[1] - 1, tile.shape[0] - 1), colour, 1)
    return np.asarray(tile, np.uint8)
