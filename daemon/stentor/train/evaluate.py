"""Evaluation: how well a finished model folder does on labelled images, through the path that ships."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from stentor.inference.card import Accuracy
from stentor.inference.model import AnyModel, open_model
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings, Precision, Rescale, StoredPrecision
from stentor.train.accuracy import OVERLAPS, average_precision
from stentor.train.nuclei_data import Specimen
from stentor.train.split import Part
from stentor.train.targets import IGNORED


@dataclass(frozen=True, slots=True)
class Score:
    """Mean over the images of one set and side of the split.

    `precision` is the mean average precision at each of `stentor.train.accuracy.OVERLAPS`; `objects` counts the
    true ones.
    """

    set_name: str
    part: Part
    images: int
    objects: int
    precision: tuple[float, ...]


def evaluate(
    folder: ModelFolder,
    specimens: Iterable[Specimen],
    part: Part,
    *,
    rescale: Rescale = "each",
    precision: Precision = "float32",
) -> list[Score]:
    """Score one side of the split: a row per set, then one over all images, named "all".

    Objects that lie for the most part on pixels nobody labelled are neither right nor wrong and are left out.
    """
    model = open_model(folder, InferenceSettings(device="cpu", rescale=rescale, precision=precision))
    rows: dict[str, list[tuple[int, tuple[float, ...]]]] = {}
    for specimen in specimens:
        if specimen.part is part:
            row = _scored(model, specimen)
            rows.setdefault(specimen.set_name, []).append(row)
            rows.setdefault("all", []).append(row)
    names = sorted(rows, key=lambda name: name == "all")
    return [_mean(name, part, rows[name]) for name in names]


def accuracy_rows(scores: Sequence[Score], name: str, precision: StoredPrecision = "float32") -> tuple[Accuracy, ...]:
    """Return measured scores as rows of a card, dated today, to four digits; those of the training side are left out.

    The command measures each row again; FOLDER stands for the folder of whoever repeats it.
    """
    today = datetime.now(UTC).date().isoformat()
    return tuple(
        Accuracy(
            data=score.set_name,
            part="test" if score.part is Part.TEST else "validation",
            images=score.images,
            measures={
                f"ap_{100 * overlap:.0f}": round(value, 4)
                for overlap, value in zip(OVERLAPS, score.precision, strict=True)
            },
            command=f"stentor models bench {name} --on FOLDER --part {score.part.value} --precision {precision}",
            date=today,
        )
        for score in scores
        if score.part is not Part.TRAIN
    )


def _scored(model: AnyModel, specimen: Specimen) -> tuple[int, tuple[float, ...]]:
    found = model(specimen.image_yx).labels
    unknown = specimen.labels_yx == IGNORED
    if unknown.any():
        area = np.bincount(found.ravel())
        hidden = np.bincount(found[unknown], minlength=area.size) > 0.5 * area
        hidden[0] = False
        found = np.where(hidden[found], 0, found)
    truth = np.where(unknown, 0, specimen.labels_yx).astype(np.int32)
    objects = int(np.count_nonzero(specimen.objects.diameter_px))
    return objects, tuple(average_precision(found, truth, OVERLAPS).tolist())


def _mean(name: str, part: Part, rows: list[tuple[int, tuple[float, ...]]]) -> Score:
    precision = np.mean([row[1] for row in rows], axis=0)
    return Score(name, part, len(rows), sum(row[0] for row in rows), tuple(precision.tolist()))
