"""Nuclei: the whole way from labelled folders to a finished model folder, as `stentor train nuclei` goes it."""

import hashlib
import logging
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from msgspec import structs

from stentor.core.errors import ConfigError
from stentor.inference.card import (
    Accuracy,
    ModelCard,
    Normalisation,
    PostProcessing,
    TestCase,
    TrainingSet,
    load_card,
)
from stentor.inference.model import Model
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.train.card_file import write_card
from stentor.train.evaluate import Score, evaluate
from stentor.train.export import export_onnx
from stentor.train.fit import Fit
from stentor.train.network import SIZE_MULTIPLE
from stentor.train.nuclei_data import PERCENTILES, Specimen, load_specimens
from stentor.train.report import write_report
from stentor.train.settings import TrainSettings
from stentor.train.split import Part
from stentor.train.synthetic import draw_field

logger = logging.getLogger(__name__)

TYPICAL_NUCLEUS_UM = 14.0
HALO_PX = 192
"""Radius of the receptive field, 186 px by counting kernels and strides, rounded up to `SIZE_MULTIPLE`."""

TEST_NUCLEI = 12
POST_PROCESSING = PostProcessing(
    name="centre-offset-voting",
    parameters={
        "foreground": 0.6, "centre": 0.5, "reach_px": 12.0, "least_area_px": 10.0, "least_share_of_median": 0.1,
    },
)  # fmt: skip


def train_nuclei(settings: TrainSettings) -> Path:
    """Train, export, measure and write a model folder: weights, card, test case, report.

    Interrupted, it continues from the checkpoint in `settings.scratch` when called again with the same settings.
    The test side of the split is looked at once, after everything else is decided.

    Returns
    -------
    Path
        `settings.out`, whose last two parts should be the model's name and version.

    Raises
    ------
    ConfigError
        If the data folder holds none of the sets, or `out` does not end in a version number.
    """
    out = Path(settings.out)
    if not out.name.isdecimal():
        raise ConfigError(f"{out}: a model folder ends in its version, such as models/nuclei/1")
    specimens = load_specimens(settings)
    fit = Fit(settings, specimens)
    export_onnx(fit.run(), out / "model.onnx")
    folder = _described(settings, out, specimens)
    _write_test_case(folder)
    validation = evaluate(folder, specimens, Part.VALIDATION)
    test = evaluate(folder, specimens, Part.TEST)
    card = structs.replace(folder.card, accuracy=_rows([*validation, *test], command_of(settings)))
    write_card(card, out)
    write_report(ModelFolder(out, load_card(out)), settings, fit.history, fit.spent_s, specimens)
    logger.info("%s is finished; try `stentor models verify %s`", out, card.identity)
    return out


def command_of(settings: TrainSettings) -> str:
    """Return the command line that repeats a training; the folders stand for those of whoever repeats it.

    >>> command_of(TrainSettings(data="/d", out="models/nuclei/1", scratch="/s"))
    'stentor train nuclei --data FOLDER --out nuclei/1 --steps 7500'
    """
    limit = "" if settings.minutes is None else f" --minutes {settings.minutes:g}"
    out = Path(settings.out)
    return f"stentor train nuclei --data FOLDER --out {out.parent.name}/{out.name} --steps {settings.steps}{limit}"


def _described(settings: TrainSettings, out: Path, specimens: list[Specimen]) -> ModelFolder:
    """Write and return a card without measured accuracy."""
    counts = Counter(specimen.set_name for specimen in specimens if specimen.part is Part.TRAIN)
    card = ModelCard(
        name=out.parent.name,
        version=int(out.name),
        task="instance-segmentation",
        description="Nuclei in fluorescence (DAPI, Hoechst, H2B and the like), bright on dark, of any size.",
        licence="BSD-3-Clause",
        weights="model.onnx",
        sha256=hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest(),
        axes="nchw",
        dtype="float32",
        size_multiple=SIZE_MULTIPLE,
        halo_px=HALO_PX,
        object_diameter_px=settings.object_diameter_px,
        object_diameter_um=TYPICAL_NUCLEUS_UM,
        outputs=("foreground", "centre", "offset_y_px", "offset_x_px"),
        classes=("nucleus",),
        normalisation=Normalisation(
            name="percentile-asinh", low_percent=PERCENTILES[0], high_percent=PERCENTILES[1]
        ),
        post_processing=POST_PROCESSING,
        training=tuple(
            TrainingSet(name=group.folder, origin=group.origin, images=counts[group.folder])
            for group in settings.sets
            if counts[group.folder]
        ),
        accuracy=(),
        test=TestCase(input="test_input.png", expected="expected.png", tolerance=0.002),
    )
    write_card(card, out)
    return ModelFolder(out, card)


def _write_test_case(folder: ModelFolder) -> None:
    """Draw the test image, and store what this model finds in it, on the CPU, as what it must always find."""
    field = draw_field((192, 256), TEST_NUCLEI)
    found = Model(folder, InferenceSettings(device="cpu"))(field.image_yx).labels
    cv2.imwrite(str(folder.path / folder.card.test.input), field.image_yx)
    cv2.imwrite(str(folder.path / folder.card.test.expected), found.astype(np.uint16))


def _rows(scores: list[Score], command: str) -> tuple[Accuracy, ...]:
    today = datetime.now(UTC).date().isoformat()
    return tuple(
        Accuracy(
            data=score.set_name,
            part="validation" if score.part is Part.VALIDATION else "test",
            images=score.images,
            ap_50=round(score.precision[0], 4),
            ap_75=round(score.precision[1], 4),
            ap_90=round(score.precision[2], 4),
            command=command,
            date=today,
        )
        for score in scores
    )
