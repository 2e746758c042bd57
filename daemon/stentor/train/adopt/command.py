"""Command: what `stentor models import` does, from a file that somebody has to a model that is verified."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stentor.core.errors import ModelError
from stentor.inference.repository import ModelFolder
from stentor.inference.verify import read_array

if TYPE_CHECKING:
    from stentor.train.adopt.bioimage_io import Described

DESCRIPTIONS = (".yaml", ".yml")


def write_template(model: Path, template: Path) -> str:
    """Write a template for an ONNX file and say what to do with it.

    Raises
    ------
    ModelError
        If the package onnx is absent, the file is no network, or the template exists.
    """
    _require_onnx()
    from stentor.train.adopt.template import template_text

    if template.exists():
        raise ModelError(f"{template}: exists; complete it, or give another name")
    template.write_text(template_text(model), encoding="utf-8")
    return f"{template}: complete it, then `stentor models import {model} --card {template}`"


def import_model(model: Path, *, card: Path | None, out: Path | None, image: Path | None) -> list[str]:
    """Import a network with a completed template, or a bioimage.io description with or without one; return what to say.

    Parameters
    ----------
    model
        ONNX file or description (.yaml).
    card
        Completed template; None: the description says everything.
    out
        New folder; None: ./NAME/VERSION.
    image
        See `stentor.train.adopt.adoption.adopt`.

    Raises
    ------
    ModelError
        If something is missing or cannot be imported; the message names it.
    """
    _require_onnx()
    from stentor.train.adopt.adoption import adopt
    from stentor.train.adopt.bioimage_io import read_description
    from stentor.train.adopt.template import read_template

    network, notes, pixels = model, list[str](), None if image is None else read_array(image)
    described = None
    if card is not None:
        template = read_template(card)
    elif model.suffix.lower() in DESCRIPTIONS:
        described = read_description(model)
        network, template, notes = described.network, described.template, [*described.notes]
        pixels = described.image if pixels is None else pixels
    else:
        raise ModelError(
            f"{model}: does not say what it is for; `stentor models import {model} --template card.toml` writes a card "
            "to complete, then give it with --card"
        )
    target = out or Path(str(template.card.get("name", "model"))) / str(template.card.get("version", 1))
    folder = adopt(network, template, target, image=pixels)
    if described is not None and image is None and folder.card.task == "image-to-image":
        notes.append(_compared(described, folder))
    return [
        *(f"note: {note}" for note in notes),
        f"{folder.card.identity} in {folder.path}: {folder.card.task}, {len(folder.card.outputs)} channels",
        f"try: stentor models verify {target}; stentor models bench {target} --on FOLDER_OF_LABELLED_IMAGES",
    ]


def _compared(described: "Described", folder: ModelFolder) -> str:
    """Say how a new model agrees with its description's own test; where it does not, remove it and raise."""
    try:
        return described.compare(read_array(folder.path / folder.card.test.expected))
    except ModelError:
        shutil.rmtree(folder.path)
        raise


def _require_onnx() -> None:
    if find_spec("onnx") is None:
        raise ModelError("importing a model needs the package onnx; pip install 'stentor[adopt]'")
