"""Bundle: a model folder as it ships: weights, card, and a test case that carries nobody's data."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from stentor.inference.card import (
    Accuracy,
    Int8Weights,
    Normalisation,
    PostProcessing,
    SegmentationCard,
    TestCase,
    TrainingSet,
)
from stentor.inference.model import open_model
from stentor.inference.processor import multiplies_int8
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.inference.verify import verify_model
from stentor.train.card_file import sha256_of, store_card
from stentor.train.evaluate import Score, accuracy_rows, evaluate
from stentor.train.export import export_nuclei
from stentor.train.network import HALO_PX, OUTPUTS, SIZE_MULTIPLE, NucleiNetwork
from stentor.train.nuclei_data import PERCENTILES, Specimen
from stentor.train.quantise import calibration_crops, quantise
from stentor.train.settings import TrainSettings
from stentor.train.split import Part
from stentor.train.synthetic import draw_field

logger = logging.getLogger(__name__)

WEIGHTS: Final = "model.onnx"
INT8_WEIGHTS: Final = "model.int8.onnx"

LARGEST_LOSS: Final = 0.02
"""Of average precision by quantising, about one of fifty objects; nuclei@3 loses 0.0015 on its validation images."""

TEST: Final = TestCase(input="test_input.png", expected="expected.png", tolerance=0.002)

TYPICAL_DIAMETER_UM: Final = 14.0
"""Of a human cell line's interphase nucleus, 10 to 20; only a first guess until objects have been seen."""

TEST_SEED: Final = 4
"""A field in which the shipped thresholds may move by a tenth and the count stays: another device's rounding does not
turn one nucleus into two.
"""

DESCRIPTION: Final = (
    "Nuclei in fluorescence (DAPI, Hoechst, H2B and the like), bright on dark, touching ones told apart."
)


def write_bundle(
    network: NucleiNetwork, settings: TrainSettings, specimens: Sequence[Specimen], *, version: int = 1
) -> ModelFolder:
    """Write weights, card and test case to `settings.out`, without accuracy and int8: see `state_accuracy`, `add_int8`.

    The folder is read back through the path that ships, and that path draws the expected labels.

    Raises
    ------
    ModelError
        If the folder cannot be read back as it was written.
    """
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    export_nuclei(network, out / WEIGHTS)
    learned = Counter(specimen.set_name for specimen in specimens if specimen.part is Part.TRAIN)
    card = SegmentationCard(
        name="nuclei",
        version=version,
        description=DESCRIPTION,
        licence="BSD-3-Clause",
        weights=WEIGHTS,
        sha256=sha256_of(out / WEIGHTS),
        axes="nchw",
        dtype="float32",
        size_multiple=SIZE_MULTIPLE,
        halo_px=HALO_PX,
        object_diameter_px=settings.object_diameter_px,
        object_diameter_um=TYPICAL_DIAMETER_UM,
        outputs=OUTPUTS,
        classes=("nucleus",),
        normalisation=Normalisation(name="percentile-asinh", low_percent=PERCENTILES[0], high_percent=PERCENTILES[1]),
        post_processing=PostProcessing(
            name="centre-offset-voting",
            parameters={
                "foreground": 0.6,
                "centre": 0.5,
                "reach_px": 12.0,
                "least_area_px": 10.0,
                "least_share_of_median": 0.1,
            },
        ),
        training=tuple(
            TrainingSet(name=group.folder, origin=group.origin, images=learned[group.folder])
            for group in settings.sets
            if learned[group.folder]
        ),
        accuracy=(),
        test=TEST,
    )
    folder = store_card(card, out)
    _draw_test_case(folder)
    return folder


def state_accuracy(folder: ModelFolder, rows: Sequence[Accuracy]) -> ModelFolder:
    """Replace the measured rows of the card of a bundle.

    Raises
    ------
    ModelError
        If the card cannot be read back as it was written.
    """
    return store_card(replace(folder.card, accuracy=tuple(rows)), folder.path)


def add_int8(
    folder: ModelFolder, settings: TrainSettings, specimens: Sequence[Specimen], exact: Sequence[Score], name: str
) -> ModelFolder:
    """Quantise the weights of a bundle and keep that where it is as good, as far as this processor can tell.

    Parameters
    ----------
    exact
        Scores in float32; the same are measured again in int8.
    name
        By which `stentor models bench` finds the model.

    Raises
    ------
    ModelError
        If the card cannot be read back as it was written.
    """
    if not multiplies_int8():
        logger.info("no int8 weights: this processor cannot tell whether they are as good")
        return folder
    path = folder.path / INT8_WEIGHTS
    quantise(folder.path / WEIGHTS, path, calibration_crops(specimens, settings))
    int8 = Int8Weights(weights=path.name, sha256=sha256_of(path))
    quantised = store_card(replace(folder.card, int8=int8), folder.path)
    wanted = {(score.set_name, score.part) for score in exact}
    found = [
        score
        for part in dict.fromkeys(score.part for score in exact)
        for score in evaluate(quantised, specimens, part, precision="int8")
        if (score.set_name, score.part) in wanted
    ]
    lost = max((_watched(exact) - _watched(found)).tolist())
    if lost > LARGEST_LOSS or not verify_model(str(folder.path), "cpu", "int8").is_well:
        logger.warning("no int8 weights: they lose %.3f of average precision, or fail the model's own test case", lost)
        path.unlink()
        return store_card(folder.card, folder.path)
    return store_card(
        replace(folder.card, int8=replace(int8, accuracy=accuracy_rows(found, name, "int8"))), folder.path
    )


def _watched(scores: Sequence[Score]) -> NDArray[np.float64]:
    """Return the mean average precision at IoU 0.5 and 0.75 on the validation side; zeros where there is none."""
    rows = [score.precision[:2] for score in scores if score.part is Part.VALIDATION]
    watched: NDArray[np.float64] = np.mean(rows or [(0.0, 0.0)], axis=0)
    return watched


def _draw_test_case(folder: ModelFolder) -> None:
    """Draw the test input and let the model, on the CPU, say what is expected."""
    image = draw_field((256, 256), 14, touching=4, seed=TEST_SEED).image_yx
    labels = open_model(folder, InferenceSettings(device="cpu", precision="float32"))(image).labels
    cv2.imwrite(str(folder.path / TEST.input), image)
    cv2.imwrite(str(folder.path / TEST.expected), labels.astype(np.uint16))
