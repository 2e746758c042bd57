"""Template: a card without what only the import can know, and with a table [onnx], which says how to read the file."""

import json
from pathlib import Path
from typing import Any

import msgspec

from stentor.core.errors import ModelError
from stentor.inference.card import AnyCard
from stentor.inference.postprocess import POST_PROCESSORS
from stentor.train.adopt.graph import OnnxSource, inputs_of, layout_of, outputs_of, read_onnx

SET_BY_IMPORT = ("weights", "sha256", "axes", "dtype", "outputs", "accuracy", "test")
REMEDY = "`stentor models import MODEL --template FILE` writes all keys"


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """What the user says about a network.

    Attributes
    ----------
    source
        How to read the file.
    card
        The card's own keys, still without those of `SET_BY_IMPORT`.
    where
        The file that said so, for messages.
    """

    source: OnnxSource
    card: dict[str, Any]
    where: str

    def completed(self, **known: Any) -> AnyCard:
        """Return the card with the rest of its keys.

        Raises
        ------
        ModelError
            If a key is missing, unknown or of the wrong type; the message names it.
        """
        try:
            card: AnyCard = msgspec.convert({**self.card, **known}, AnyCard)
        except msgspec.ValidationError as err:
            raise ModelError(
                f"{self.where}: {err}; `stentor models import MODEL --template FILE` writes all keys"
            ) from err
        return card


def read_template(path: Path) -> Template:
    """Read a completed template.

    Raises
    ------
    ModelError
        If it cannot be read, or its table [onnx], its licence or its description is missing.
    """
    try:
        values = msgspec.toml.decode(path.read_bytes())
        source = msgspec.convert(values.pop("onnx", {}), OnnxSource)
    except OSError as err:
        raise ModelError(f"{path}: cannot be read ({err.strerror}); --template writes one") from err
    except msgspec.ValidationError as err:
        raise ModelError(f"{path}: onnx: {err}; {REMEDY}") from err
    except msgspec.MsgspecError as err:
        raise ModelError(f"{path}: {err}") from err
    for key in SET_BY_IMPORT:
        if key in values:
            raise ModelError(f"{path}: `{key}` is set by the import; remove it")
    for key in ("licence", "description"):
        if not values.get(key):
            raise ModelError(f"{path}: `{key}` is empty; say it, so that whoever finds the model knows")
    return Template(source=source, card=values, where=str(path))


def template_text(path: Path) -> str:
    """Return a template for an ONNX file, with what the file tells and a guess of the rest, to be completed.

    Raises
    ------
    ModelError
        As `stentor.train.adopt.graph.read_onnx`.
    """
    model = read_onnx(path)
    image, outputs = inputs_of(model)[0], outputs_of(model)
    layout = layout_of(model)
    channels = image.sizes[3 if layout == "nhwc" else 1] or 1
    names = ["image"] if channels == 1 else [f"channel {number}" for number in range(channels)]
    return f"""\
# What only you know about {path.name}: complete it, then
#   stentor models import {path.name} --card THIS_FILE
task = "instance-segmentation"  # or "image-to-image"; the cards of nuclei and denoise show both (`stentor models list`)
name = {json.dumps(path.stem.lower().replace("_", "-"))}
version = 1
description = ""
licence = ""
channels = {json.dumps(names)}
size_multiple = 32  # height and width that the network accepts
halo_px = 64  # how far it looks
object_diameter_px = 30.0  # mean, in the images it was trained on
classes = ["object"]
training = []

[normalisation]
name = "percentile"  # or "percentile-asinh"
low_percent = 1.0
high_percent = 99.8

[post_processing]
name = "threshold-components"  # one of: {", ".join(POST_PROCESSORS)}

[post_processing.parameters]

[onnx]
layout = {json.dumps(layout)}  # input {image.name}: {_sizes(image.sizes)}
outputs = {json.dumps([output.name for output in outputs])}  # the first ones are read; "one | other" takes the larger
sigmoid = false  # true where the outputs are logits
standardise = false  # true where the network wants mean 0 and standard deviation 1
grid = 1  # 2 where the outputs have half the size of the image
"""


def _sizes(sizes: tuple[int | None, ...]) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes)
