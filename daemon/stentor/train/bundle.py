"""Bundle: a model folder as it ships: weights, card, and a test case that carries nobody's data."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from msgspec.structs import replace

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
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.train.card_file import sha256_of, store_card
from stentor.train.export import export_nuclei
from stentor.train.network import HALO_PX, OUTPUTS, SIZE_MULTIPLE, NucleiNetwork
from stentor.train.nuclei_data import PERCENTILES, Specimen
from stentor.train.quantise import calibration_crops, quantise
from stentor.train.settings import TrainSettings
from stentor.train.split import Part
from stentor.train.synthetic import draw_field

WEIGHTS: Final = "model.onnx"
INT8_WEIGHTS: Final = "model.int8.onnx"
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
    """Write weights in both precisions, card and test case to `settings.out`, without accuracy: see `state_accuracy`.

    The folder is read back through the path that ships, and that path draws the expected labels.

    Raises
    ------
    ModelError
        If the folder cannot be read back as it was written.
    """
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    export_nuclei(network, out / WEIGHTS)
    quantise(out / WEIGHTS, out / INT8_WEIGHTS, calibration_crops(specimens, settings))
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
        int8=Int8Weights(weights=INT8_WEIGHTS, sha256=sha256_of(out / INT8_WEIGHTS)),
        test=TEST,
    )
    folder = store_card(card, out)
    _draw_test_case(folder)
    return folder


def state_accuracy(folder: ModelFolder, rows: Sequence[Accuracy], int8_rows: Sequence[Accuracy] = ()) -> ModelFolder:
    """Replace the measured rows of the card of a bundle, those of its weights in float32 and those in int8.

    Raises
    ------
    ModelError
        If the card cannot be read back as it was written.
    """
    card = replace(folder.card, accuracy=tuple(rows))
    if card.int8 is not None:
        card = replace(card, int8=replace(card.int8, accuracy=tuple(int8_rows)))
    return store_card(card, folder.path)


def _draw_test_case(folder: ModelFolder) -> None:
    """Draw the test input and let the model, on the CPU, say what is expected."""
    image = draw_field((256, 256), 14, touching=4, seed=TEST_SEED).image_yx
    labels = open_model(folder, InferenceSettings(device="cpu", precision="float32"))(image).labels
    cv2.imwrite(str(folder.path / TEST.input), image)
    cv2.imwrite(str(folder.path / TEST.expected), labels.astype(np.uint16))
