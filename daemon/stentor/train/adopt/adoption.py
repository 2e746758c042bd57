"""Adoption: a finished model folder from somebody's network, tried once on the way that ships."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.inference.card_file import load_card
from stentor.inference.model import open_model
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.inference.start import REFUSALS
from stentor.inference.verify import case_answer
from stentor.train.adopt.graph import in_our_form, read_onnx
from stentor.train.adopt.template import Template
from stentor.train.card_file import sha256_of, store_card
from stentor.train.synthetic import draw_field

WEIGHTS = "model.onnx"
TOLERANCE = 0.02
"""Other devices round otherwise; see `stentor.inference.card.TestCase`."""


def adopt(network: Path, template: Template, out: Path, *, image: NDArray[Any] | None = None) -> ModelFolder:
    """Write a model folder around a network and run it once.

    Parameters
    ----------
    network
        ONNX file; it is copied in our form, not changed.
    out
        New folder, ending in the model's version: yeast/1.
    image
        What the model's test case shows, (Y, X) or (C, Y, X); its answer is what `stentor models verify` will expect.
        None: a drawn field of nuclei.

    Raises
    ------
    ModelError
        If the folder exists, or anything about network and card does not fit; nothing is left behind then.
    """
    if out.exists():
        raise ModelError(f"{out}: exists; give a new folder, such as its next version, with --out")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(network, template, partial, image)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ModelFolder(out.resolve(), load_card(out))


def _write(network: Path, template: Template, folder: Path, image: NDArray[Any] | None) -> None:
    weights, outputs = in_our_form(read_onnx(network), template.source)
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(weights)
    card = template.completed(
        weights=WEIGHTS,
        sha256=sha256_of(folder / WEIGHTS),
        axes="nchw",
        dtype="float32",
        outputs=outputs,
        accuracy=[],
        test={"input": "input.npy", "expected": "expected.npy", "tolerance": TOLERANCE},
    )
    planes = _planes(image, len(card.channels))
    np.save(folder / card.test.input, planes)
    stored = store_card(card, folder)
    np.save(folder / card.test.expected, _tried(stored, planes))


def _planes(image: NDArray[Any] | None, channels: int) -> NDArray[Any]:
    """Return the test image, (Y, X) or (C, Y, X)."""
    if image is not None:
        return image
    drawn = draw_field((256, 256), 12).image_yx
    return drawn if channels == 1 else np.stack([drawn] * channels)


def _tried(folder: ModelFolder, planes: NDArray[Any]) -> NDArray[Any]:
    """Return the model's answer."""
    model = open_model(folder, InferenceSettings(device="cpu"))
    try:
        return case_answer(model, planes)
    except REFUSALS as err:
        raise ModelError(
            f"the network refuses an image of shape {planes.shape}: {err}; "
            "compare onnx.layout, onnx.grid, channels and size_multiple with what it was trained on"
        ) from err
