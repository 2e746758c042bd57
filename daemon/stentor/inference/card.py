"""Model card: what a model is, what it was trained on, how well it does, and how to run it."""

from typing import Literal

import msgspec

from stentor.core.errors import ModelError
from stentor.inference.settings import StoredPrecision


class Normalisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From counts to network input, each plane by itself.

    Attributes
    ----------
    name
        "percentile": (image - low) / (high - low) with the plane's own percentiles; "percentile-asinh": asinh(5 x) of
        that; "fixed": the same with counts of the card.
    low_percent, high_percent
        Which percentiles.
    low, high
        For "fixed": counts of each channel that become 0 and 1.
    """

    name: Literal["percentile", "percentile-asinh", "fixed"]
    low_percent: float = 1.0
    high_percent: float = 99.8
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


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


class Int8Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same network with whole numbers of 8 bits inside, for the CPU.

    Attributes
    ----------
    weights, sha256
        As in a `Card`.
    accuracy
        Measured with these weights.
    """

    weights: str
    sha256: str
    accuracy: tuple[Accuracy, ...] = ()


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
        File beside the card, and the hash it must have: the network in float32.
    int8
        The network quantised. None: there is none.
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
    int8: Int8Weights | None = None
    test: TestCase

    @property
    def identity(self) -> str:
        """Name and version, such as "nuclei@3"."""
        return f"{self.name}@{self.version}"

    @property
    def precisions(self) -> tuple[StoredPrecision, ...]:
        """In which the model has weights."""
        return ("float32",) if self.int8 is None else ("float32", "int8")

    def hash_of(self, precision: StoredPrecision) -> str:
        """Return the sha256 of the weights in one precision.

        Raises
        ------
        ModelError
            If the model has none in it.
        """
        return self.sha256 if precision == "float32" else self._int8().sha256

    def file_of(self, precision: StoredPrecision) -> str:
        """Return the name of the file with the weights in one precision; raises as `hash_of`."""
        return self.weights if precision == "float32" else self._int8().weights

    def _int8(self) -> Int8Weights:
        if self.int8 is None:
            raise ModelError(f'{self.identity} has no int8 weights: set precision = "float32", or leave it at "auto"')
        return self.int8

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

    The background is the median of the crop's rim.

    Attributes
    ----------
    divisor
        In counts, where brightness itself tells something; "background", as suits transmitted light; "bright", the
        95th percentile of the crop above its background, where only the pattern counts.
    """

    channel: str
    divisor: float | Literal["background", "bright"]


class ClassificationCard(Card, frozen=True, kw_only=True, tag="object-classification"):
    """A network that judges objects one by one, from crops around them.

    Attributes
    ----------
    classes
        Names, in the order of the network's probabilities.
    crop_px
        Side of the square crops.
    pixel_size_um
        Side of a pixel in training; images of another known pixel size are rescaled to it. None: it is not used.
    object_diameter_px
        Median diameter of the objects in training; images are rescaled so that theirs is the same. None: not used.
    hides_neighbours
        Whether other objects are painted out of a crop.
    finds_with
        Name of the model that finds the objects in a script that has no labels. None: such an image shows one object.
    scales
        How each of `channels` is brought to the network's scale.
    unsure_below
        An object whose largest probability is smaller is called "unsure".
    """

    classes: tuple[str, ...]
    crop_px: int
    pixel_size_um: float | None = None
    object_diameter_px: float | None = None
    hides_neighbours: bool = True
    finds_with: str | None = None
    scales: tuple[ChannelScale, ...]
    unsure_below: float


AnyCard = SegmentationCard | ImageCard | ClassificationCard
