"""Model card: what a model is, what it was trained on, how well it does, and how to run it."""

import math
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from stentor.core.errors import ModelError

CARD_NAME: Final = "card.toml"


class Normalisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From counts to network input: (image - low) / (high - low), then asinh(5 x)."""

    name: Literal["percentile-asinh"]
    low_percent: float
    high_percent: float


class PostProcessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Name in `stentor.inference.postprocess` and its parameters."""

    name: str
    parameters: dict[str, float] = {}


class TrainingSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Images the model has learned from; `images` counts the training side of the split only."""

    name: str
    origin: str
    images: int


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One measured row: mean average precision at three overlaps, and the command that measured it."""

    data: str
    part: Literal["validation", "test"]
    images: int
    ap_50: float
    ap_75: float
    ap_90: float
    command: str
    date: str


class TestCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files that `stentor models verify` re-runs.

    `tolerance` is the largest share of pixels that may change sides between object and background.
    """

    __test__ = False

    input: str
    expected: str
    tolerance: float


class ModelCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about one version of one model.

    Attributes
    ----------
    name, version
        As in the folder names `<name>/<version>`.
    weights, sha256
        File beside the card, and the hash it must have.
    axes, dtype
        Of the network's input: N, C, Y, X float32 with one channel.
    size_multiple
        Height and width that the network accepts are multiples of this.
    halo_px
        Distance over which a pixel influences its neighbours' answers.
    object_diameter_px
        Mean diameter of the objects in training.
    object_diameter_um
        A typical diameter, only used to guess the scale from the pixel size until objects have been seen.
        None: the pixel size is not used.
    outputs
        Names of the channels of the network's answer.
    """

    format: Literal[1] = 1
    name: str
    version: int
    task: Literal["instance-segmentation"]
    description: str
    licence: str
    weights: str
    sha256: str
    axes: Literal["nchw"]
    dtype: Literal["float32"]
    size_multiple: int
    halo_px: int
    object_diameter_px: float
    object_diameter_um: float | None = None
    outputs: tuple[str, ...]
    classes: tuple[str, ...]
    normalisation: Normalisation
    post_processing: PostProcessing
    training: tuple[TrainingSet, ...]
    accuracy: tuple[Accuracy, ...]
    test: TestCase

    @property
    def identity(self) -> str:
        """Name and version, such as "nuclei@1"."""
        return f"{self.name}@{self.version}"


def load_card(folder: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises
    ------
    ModelError
        If the card is missing, is not TOML, lacks a key or has one too many; the message names file and key.
    """
    path = folder / CARD_NAME
    try:
        text = path.read_bytes()
    except OSError as err:
        raise ModelError(f"{path}: cannot be read ({err.strerror}); a model folder holds {CARD_NAME}") from err
    try:
        card = msgspec.toml.decode(text, type=ModelCard)
    except msgspec.MsgspecError as err:
        raise ModelError(f"{path}: {err}; compare it with models/nuclei/1/{CARD_NAME}") from err
    _check(path, card)
    return card


def _check(path: Path, card: ModelCard) -> None:
    """Refuse values that have the right type and make no sense."""
    wrong: dict[str, Any] = {}
    if card.size_multiple < 1:
        wrong["size_multiple"] = "must be at least 1"
    if not (math.isfinite(card.object_diameter_px) and card.object_diameter_px > 0):
        wrong["object_diameter_px"] = "must be a positive number of pixels"
    if not 0 <= card.normalisation.low_percent < card.normalisation.high_percent <= 100:
        wrong["normalisation"] = "needs 0 <= low_percent < high_percent <= 100"
    if len(card.sha256) != 64:
        wrong["sha256"] = "must be the 64 hexadecimal digits that sha256sum prints"
    for key in ("weights", "test.input", "test.expected"):
        name = {"weights": card.weights, "test.input": card.test.input, "test.expected": card.test.expected}[key]
        if Path(name).name != name:
            wrong[key] = f"must be a file name beside the card, not {name!r}"
    for key, reason in wrong.items():
        raise ModelError(f"{path}: `{key}` {reason}")
