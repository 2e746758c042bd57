"""Model card: what a model is, what it was trained on, how well it does, and how to run it."""

import math
from pathlib import Path
from typing import Final, Literal

import msgspec

from stentor.core.errors import ModelError

CARD_NAME: Final = "card.toml"


class Normalisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From counts to network input, each plane by itself.

    Attributes
    ----------
    name
        "percentile": (image - low) / (high - low) with the plane's own percentiles; "percentile-asinh": asinh(5 x) of
        that.
    low_percent, high_percent
        Which percentiles.
    """

    name: Literal["percentile", "percentile-asinh"]
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
    """One measured row, and the command that measured it.

    Attributes
    ----------
    images
        How many images, or objects where the model judges objects, were measured.
    measures
        By name: `ap_50`, `ap_75`, `ap_90` (mean average precision at these overlaps), `balanced_accuracy`, `psnr_db`,
        `ssim`, `pearson_r` and the like; baselines carry theirs, such as `psnr_db_gaussian`.
    """

    data: str
    part: Literal["validation", "test"]
    images: int
    measures: dict[str, float]
    command: str
    date: str


class TestCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files that `stentor models verify` re-runs: PNG for one plane, .npy for several or for floats.

    Attributes
    ----------
    tolerance
        The largest difference that another device may make: for labels the share of pixels that change sides between
        object and background, for an image the largest difference over the range of the expected one, for classes
        the largest difference of a probability.
    """

    __test__ = False

    input: str
    expected: str
    tolerance: float


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="task"):
    """What every card says about one version of one model.

    Attributes
    ----------
    name, version
        As in the folder names `<name>/<version>`.
    weights, sha256
        File beside the card, and the hash it must have.
    axes, dtype
        Of the network's input: N, C, Y, X float32.
    channels
        What the planes of the input show, in their order.
    outputs
        Names of the channels of the network's answer.
    unfit_for
        What the answers must not be used for; empty: nothing is known.
    """

    format: Literal[1] = 1
    name: str
    version: int
    description: str
    unfit_for: str = ""
    licence: str
    weights: str
    sha256: str
    axes: Literal["nchw"]
    dtype: Literal["float32"]
    channels: tuple[str, ...] = ("image",)
    outputs: tuple[str, ...]
    training: tuple[TrainingSet, ...]
    accuracy: tuple[Accuracy, ...]
    test: TestCase

    @property
    def identity(self) -> str:
        """Name and version, such as "nuclei@1"."""
        return f"{self.name}@{self.version}"

    @property
    def task(self) -> str:
        """What kind of model: the tag of the card's type."""
        return str(self.__struct_config__.tag)


class SegmentationCard(Card, frozen=True, kw_only=True, tag="instance-segmentation"):
    """A network whose maps a post-processor turns into a label image.

    Attributes
    ----------
    size_multiple
        Height and width that the network accepts are multiples of this.
    halo_px
        Distance over which a pixel influences its neighbours' answers.
    object_diameter_px
        Mean diameter of the objects in training.
    object_diameter_um
        A typical diameter, only used to guess the scale from the pixel size until objects have been seen.
        None: the pixel size is not used.
    """

    size_multiple: int
    halo_px: int
    object_diameter_px: float
    object_diameter_um: float | None = None
    classes: tuple[str, ...]
    normalisation: Normalisation
    post_processing: PostProcessing


class ImageCard(Card, frozen=True, kw_only=True, tag="image-to-image"):
    """A network that gives one image of the size of its input: a restored plane or a virtual stain.

    Attributes
    ----------
    size_multiple, halo_px
        As in a `SegmentationCard`.
    pixel_size_um
        Side of a pixel in training; images are not rescaled to it. None: of many sizes.
    restores
        Name of the channel whose scale the answer has: it is returned in that channel's counts. None: the answer is
        returned as the network gives it, in `unit`.
    unit
        What a value of the answer means, such as "counts" or "a.u.".
    """

    size_multiple: int
    halo_px: int
    pixel_size_um: float | None = None
    restores: str | None = None
    unit: str
    normalisation: Normalisation


class ChannelScale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From the counts of a crop to network input: (crop - background) / divisor.

    The background is the median of the crop's rim. `divisor` in counts; None: the background itself, as suits
    transmitted light.
    """

    channel: str
    divisor: float | None = None


class ClassificationCard(Card, frozen=True, kw_only=True, tag="object-classification"):
    """A network that judges objects one by one, from crops around them.

    Attributes
    ----------
    classes
        Names, in the order of the network's probabilities.
    crop_px
        Side of the square crops.
    pixel_size_um
        Side of a pixel in training; images of another known pixel size are rescaled to it. None: taken as they are.
    scales
        How each of `channels` is brought to the network's scale.
    unsure_below
        An object whose largest probability is smaller is called "unsure".
    """

    classes: tuple[str, ...]
    crop_px: int
    pixel_size_um: float | None = None
    scales: tuple[ChannelScale, ...]
    unsure_below: float


AnyCard = SegmentationCard | ImageCard | ClassificationCard


def load_card(folder: Path) -> AnyCard:
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
        card: AnyCard = msgspec.toml.decode(text, type=AnyCard)
    except msgspec.MsgspecError as err:
        raise ModelError(f"{path}: {err}; compare it with models/nuclei/1/{CARD_NAME}") from err
    _check(path, card)
    return card


def _check(path: Path, card: AnyCard) -> None:
    """Refuse values that have the right type and make no sense."""
    wrong = dict(_senseless_common(card))
    match card:
        case SegmentationCard():
            wrong |= _senseless_network(card.size_multiple, card.normalisation)
            if not (math.isfinite(card.object_diameter_px) and card.object_diameter_px > 0):
                wrong["object_diameter_px"] = "must be a positive number of pixels"
        case ImageCard():
            wrong |= _senseless_network(card.size_multiple, card.normalisation)
            if card.restores is not None and card.restores not in card.channels:
                wrong["restores"] = f"must be one of the channels {', '.join(card.channels)}"
        case ClassificationCard():
            wrong |= _senseless_classes(card)
    for key, reason in wrong.items():
        raise ModelError(f"{path}: `{key}` {reason}")


def _senseless_common(card: Card) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if len(card.sha256) != 64:
        wrong["sha256"] = "must be the 64 hexadecimal digits that sha256sum prints"
    if not card.channels or not card.outputs:
        wrong["channels" if not card.channels else "outputs"] = "must name at least one"
    for key, name in (
        ("weights", card.weights),
        ("test.input", card.test.input),
        ("test.expected", card.test.expected),
    ):
        if Path(name).name != name:
            wrong[key] = f"must be a file name beside the card, not {name!r}"
    return wrong


def _senseless_network(size_multiple: int, normalisation: Normalisation) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if size_multiple < 1:
        wrong["size_multiple"] = "must be at least 1"
    if not 0 <= normalisation.low_percent < normalisation.high_percent <= 100:
        wrong["normalisation"] = "needs 0 <= low_percent < high_percent <= 100"
    return wrong


def _senseless_classes(card: ClassificationCard) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if card.crop_px < 8:
        wrong["crop_px"] = "must be at least 8"
    if len(card.classes) < 2:
        wrong["classes"] = "must name at least two"
    if tuple(scale.channel for scale in card.scales) != card.channels:
        wrong["scales"] = f"must name the channels {', '.join(card.channels)} in this order"
    if any(scale.divisor is not None and not scale.divisor > 0 for scale in card.scales):
        wrong["scales"] = "must have positive divisors"
    return wrong
