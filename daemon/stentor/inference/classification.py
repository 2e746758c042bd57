"""Classification: a card and its network as one thing that judges the objects of an image, all in one batched call."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.finding import Objects
from stentor.core.stage import ModelIdentity
from stentor.inference.card import ClassificationCard
from stentor.inference.crops import cut
from stentor.inference.found import Found
from stentor.inference.measure import measure
from stentor.inference.network_input import as_planes, scaled_shape
from stentor.inference.repository import ModelFolder
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.session import Session
from stentor.inference.settings import InferenceSettings

logger = logging.getLogger(__name__)

UNSURE: Final = -1
BATCHES: Final = (8, 64, 256)
"""Objects are judged in batches of these sizes, the last one filled up: fixed shapes, warm buffers."""

SAME_SCALE: Final = 1.08
"""Images whose pixels are so nearly as large as in training are not resampled."""


class ClassificationModel:
    """Called by one thread.

    `model(image, labels=labels)` in a script; in a pipeline `prepare` once, then `classify`.
    """

    TASK: ClassVar[str] = "object-classification"

    def __init__(
        self,
        folder: ModelFolder,
        card: ClassificationCard,
        settings: InferenceSettings,
        finder: SegmentationModel | None = None,
    ) -> None:
        """Open the network; `finder` finds the objects of images that come without labels."""
        self.card = card
        self._finder = finder
        self._session = Session(folder, len(card.classes), settings, channels=len(card.channels), is_spatial=False)
        self.identity = ModelIdentity(card.identity, self._session.sha256, self._session.provider)
        logger.info(
            "model %s (%s) on %s: %s",
            self.identity.name, self.identity.hash[:12], self._session.provider, self._session.reason,
        )  # fmt: skip

    def __call__(
        self, image: NDArray[Any], pixel_size_um: float | None = None, *, labels: NDArray[np.int32] | None = None
    ) -> Found:
        """Judge the objects of one image.

        Parameters
        ----------
        image
            Shape (Y, X), or (C, Y, X) with the planes in the order of the card's channels; uint8, uint16 or float32.
        pixel_size_um
            Side of a pixel in micrometres; None: as in training.
        labels
            Shape (Y, X) int32, whose objects are judged; None: found with the model that the card names, or the image
            shows one object, in its middle.

        Returns
        -------
        Found
            Its `objects` have the columns of `classify` beside `label`, `y_px` and `x_px`.

        Raises
        ------
        ModelError
            If the image is none of these; the message says how to convert it.
        """
        planes = as_planes(image, self.card.channels)
        if labels is None and self._finder is not None:
            labels = self._finder(planes[0], pixel_size_um).labels
        objects = in_the_middle(planes[0].shape) if labels is None else measure(labels, planes[0])
        judged = objects.with_columns(self.classify(planes, labels, objects, pixel_size_um))
        return Found(labels=labels, objects=judged)

    def prepare(self) -> None:
        """Allocate and warm up every batch."""
        for batch in BATCHES:
            self._session.buffers((self.card.crop_px, self.card.crop_px), batch)

    def classify(
        self,
        planes: Sequence[NDArray[Any]],
        labels_yx: NDArray[np.int32] | None,
        objects: Objects,
        pixel_size_um: float | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Return columns for a table of objects.

        Parameters
        ----------
        planes
            One (Y, X) for each of the card's channels.
        labels_yx
            Shape (Y, X): neighbours are painted out of a crop; None: they are left.
        objects
            With `label`, `y_px`, `x_px`, and `area_px` where the card rescales by the objects' diameter.
        pixel_size_um
            As in a call.

        Returns
        -------
        dict
            `class`, int32 index into the card's classes, `UNSURE` (-1) below its `unsure_below`; `probability` of the
            likeliest class, float32; `p_<class>` for each class, float32, which name the classes in their order.
        """
        probability = self._probabilities(planes, labels_yx, objects, pixel_size_um)
        best = probability.argmax(axis=1).astype(np.int32)
        highest = probability.max(axis=1, initial=0.0)
        best[highest < self.card.unsure_below] = UNSURE
        each = (probability[:, index].copy() for index in range(len(self.card.classes)))
        return dict(zip(columns_of(self.card), (best, highest, *each), strict=True))

    def _probabilities(
        self,
        planes: Sequence[NDArray[Any]],
        labels_yx: NDArray[np.int32] | None,
        objects: Objects,
        pixel_size_um: float | None,
    ) -> NDArray[np.float32]:
        """Return the probability of each class for each object, shape (n, classes)."""
        scale = self._scale(pixel_size_um, objects)
        if scale != 1.0:
            size = scaled_shape(planes[0].shape, scale)[::-1]
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            planes = [np.asarray(cv2.resize(plane, size, interpolation=how)) for plane in planes]
            if labels_yx is not None:
                # cv2 resizes no int32; float64 holds every label.
                grown = cv2.resize(labels_yx.astype(np.float64), size, interpolation=cv2.INTER_NEAREST)
                labels_yx = np.asarray(grown).astype(np.int32)
        y_px, x_px = ((objects[name] + 0.5) * scale - 0.5 for name in ("y_px", "x_px"))
        owners = labels_yx if self.card.hides_neighbours else None
        answers = [np.zeros((0, len(self.card.classes)), np.float32)]
        for start in range(0, len(objects), BATCHES[-1]):
            part = np.s_[start : start + BATCHES[-1]]
            label, y, x = objects["label"][part], y_px[part], x_px[part]
            crops = cut(planes, owners, label, y, x, self.card.scales, crop_px=self.card.crop_px)
            answers.append(self.judge(crops))
        return np.concatenate(answers)

    def judge(self, crops_nchw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of each class, shape (n, classes), of crops that `cut` has made, at most 256."""
        count = len(crops_nchw)
        batch = next(size for size in BATCHES if size >= count)
        buffers = self._session.buffers((self.card.crop_px, self.card.crop_px), batch)
        buffers.input_nchw[:count] = crops_nchw
        buffers.input_nchw[count:] = 0.0
        return self._session.run(buffers)[:count].copy()

    def _scale(self, pixel_size_um: float | None, objects: Objects) -> float:
        """Return the factor by which planes are enlarged."""
        card, scale = self.card, 1.0
        if card.object_diameter_px is not None and "area_px" in objects and len(objects):
            scale = card.object_diameter_px / float(np.sqrt(4 / np.pi * np.median(objects["area_px"])))
        elif card.pixel_size_um is not None and pixel_size_um:
            scale = pixel_size_um / card.pixel_size_um
        return 1.0 if 1 / SAME_SCALE < scale < SAME_SCALE else scale


def columns_of(card: ClassificationCard) -> tuple[str, ...]:
    """Return the names of the columns that a model of this card gives, in their order."""
    return ("class", "probability", *(f"p_{name}" for name in card.classes))


def in_the_middle(shape_yx: tuple[int, ...]) -> Objects:
    """Return a table of one object in the middle of an image."""
    y_px, x_px = (np.array([side // 2], np.float32) for side in shape_yx)
    return Objects({"label": np.ones(1, np.int32), "y_px": y_px, "x_px": x_px})
