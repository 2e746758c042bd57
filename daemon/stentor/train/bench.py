"""Bench: how well an installed model does on a data folder, whatever kind of model it is."""

from pathlib import Path

import msgspec

from stentor.core.errors import ConfigError
from stentor.inference.card import ClassificationCard, ImageCard, SegmentationCard
from stentor.inference.image_to_image import ImageModel
from stentor.inference.repository import ModelFolder, find_model
from stentor.inference.settings import InferenceSettings, Precision, StoredPrecision
from stentor.inference.start import precision_on_cpu
from stentor.train.accuracy import OVERLAPS
from stentor.train.evaluate import evaluate
from stentor.train.image_to_image.recipes import RECIPES as PAINTERS
from stentor.train.nuclei_data import load_own, load_specimens
from stentor.train.objects.evaluation import evaluate_classifier
from stentor.train.objects.recipes import RECIPES
from stentor.train.settings import TrainSettings
from stentor.train.split import Part


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One set on one side of the split; `measures` are named as in `stentor.inference.card.Accuracy`."""

    data: str
    part: Part
    precision: StoredPrecision
    images: int
    measures: dict[str, float]


def bench_model(
    name: str, data: str | Path, part: Part = Part.VALIDATION, *, precision: Precision = "auto"
) -> list[Measured]:
    """Measure a model again; what `stentor models bench NAME --on FOLDER --part PART` prints. Needs no torch.

    The side named "train" is a sanity check only, and no row of a card.

    Parameters
    ----------
    name
        As for `stentor.inference.model.load_model`.
    data
        Folder that holds the data sets of the model's recipe, or some of them; for a segmentation also a folder of
        one's own, NAME.image.png beside NAME.labels.png (or .tif), of which every image is measured.
    precision
        Which of the model's weights; "auto": those that run on this machine's CPU.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or has no weights in that precision.
    ConfigError
        If the folder holds nothing on that side, or there is no measure for such a model.
    """
    folder = find_model(name)
    taken, _ = precision_on_cpu(folder, precision)
    rows = _measured(folder, str(data), part, taken)
    if not rows:
        raise ConfigError(f"{data}: holds no image on the {part.value} side of the split; choose another --part")
    return rows


def _measured(folder: ModelFolder, data: str, part: Part, precision: StoredPrecision) -> list[Measured]:
    card = folder.card
    if isinstance(card, SegmentationCard):
        is_own = any(Path(data).glob("*.image.*"))
        settings = TrainSettings(data=data, out="", scratch="")
        specimens = load_own(Path(data).resolve(), split=False) if is_own else load_specimens(settings)
        part = Part.VALIDATION if is_own else part
        return [
            Measured(
                data=score.set_name,
                part=part,
                precision=precision,
                images=score.images,
                measures={f"ap_{100 * o:.0f}": round(p, 4) for o, p in zip(OVERLAPS, score.precision, strict=True)},
            )
            for score in evaluate(folder, specimens, part, precision=precision)
        ]
    if isinstance(card, ClassificationCard) and card.name in RECIPES:
        objects = RECIPES[card.name].load(data, card.channels)
        return [
            Measured(data=score.set_name, part=part, precision=precision, images=score.objects, measures=score.measures)
            for score in evaluate_classifier(folder, objects, part)
        ]
    if isinstance(card, ImageCard) and card.name in PAINTERS:
        recipe = PAINTERS[card.name]
        loaded = recipe.load(data)
        model = ImageModel(folder, card, InferenceSettings(device="cpu"))
        count = recipe.count(loaded, part)
        measures = recipe.measure(model, loaded, part)
        return [Measured(data=recipe.data, part=part, precision=precision, images=count, measures=measures)]
    raise ConfigError(f"{card.identity}: there is no data set known to measure a model for {card.task} of this name on")
