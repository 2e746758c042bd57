"""Quantise: a finished network once more with whole numbers of 8 bits, for the CPU.

Weights get a scale for each output channel, activations one for each layer, from the range that they take on
calibration images [1]. The first convolution, which reads the image, and the last two, which write fractions of a
pixel, stay float32.

[1] ONNX Runtime's static quantisation, https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from stentor.train.augment import draw_crop
from stentor.train.export import INPUT
from stentor.train.nuclei_data import Specimen
from stentor.train.settings import TrainSettings
from stentor.train.split import Part

QUANTISED: Final = ("Conv", "MaxPool", "Resize", "Add")

KEPT: Final = (0, -2, -1)
"""Convolutions that stay float32. Offsets then differ by 0.065 px from those in float32 throughout, with (0, -1) by
0.078 (nuclei@3 on its validation images); that costs 0.5 of 13 ms at 480 x 480.
"""

CROPS: Final = 64
STRENGTH: Final = 0.0
"""Crops with the usual exposures, blur and noise, and without crowds, distractors and empty fields."""


def quantise(weights: Path, out: Path, images: Iterable[NDArray[np.float32]]) -> None:
    """Write a quantised copy of an exported network.

    Parameters
    ----------
    weights
        As `stentor.train.export` writes a nuclei network.
    out
        File to write.
    images
        Network input (Y, X) as the network will see it; their values set the ranges, and what lies outside is clipped.
    """
    convolutions = [node.name for node in onnx.load(str(weights)).graph.node if node.op_type == "Conv"]
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / weights.name
        quant_pre_process(str(weights), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            _Calibration(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[convolutions[index] for index in KEPT],
        )


def calibration_crops(specimens: Iterable[Specimen], settings: TrainSettings) -> list[NDArray[np.float32]]:
    """Return crops (Y, X) float32 of the training side as the network sees them, a fixed number in a fixed order.

    Of the training side there must be at least one.
    """
    learned = [specimen for specimen in specimens if specimen.part is Part.TRAIN]
    rng = np.random.default_rng(settings.seed)
    return [
        draw_crop(
            learned[int(rng.integers(len(learned)))],
            rng,
            crop_px=settings.crop_px,
            diameter_px=settings.object_diameter_px,
            scale_jitter=settings.scale_jitter,
            strength=STRENGTH,
        )[0]
        for _ in range(CROPS)
    ]


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # mypy does not follow onnxruntime
    def __init__(self, images: Iterable[NDArray[np.float32]]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {INPUT: image[None, None]}
