"""Image to image: a card and its network as one thing that restores a plane, or paints a stain that was not there."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stentor.core.stage import ModelIdentity
from stentor.inference.card import ImageCard
from stentor.inference.found import Found
from stentor.inference.network_input import as_planes, padded_shape, reflect
from stentor.inference.normalise import COMPRESSED, compress, expand, scale_of
from stentor.inference.repository import ModelFolder
from stentor.inference.session import Session
from stentor.inference.settings import InferenceSettings
from stentor.inference.tiling import run_in_tiles, spans

logger = logging.getLogger(__name__)


class ImageModel:
    """Called by one thread, with images of any size; a size that comes again finds its buffers warm.

    `model(image)` in a script; in a pipeline `prepare` once, then `predict`.
    """

    TASK: ClassVar[str] = "image-to-image"

    def __init__(self, folder: ModelFolder, card: ImageCard, settings: InferenceSettings) -> None:
        self.card = card
        self._session = Session(folder, len(card.outputs), settings, channels=len(card.channels))
        self.identity = ModelIdentity(card.identity, self._session.sha256, self._session.provider)
        self._tile_px = settings.tile_px // card.size_multiple * card.size_multiple
        logger.info(
            "model %s (%s) on %s: %s",
            self.identity.name, self.identity.hash[:12], self._session.provider, self._session.reason,
        )  # fmt: skip

    def __call__(self, image: NDArray[Any], pixel_size_um: float | None = None) -> Found:
        """Compute one image.

        Parameters
        ----------
        image
            Shape (Y, X), or (C, Y, X) with the planes in the order of the card's channels; uint8, uint16 or float32,
            at least 16 x 16.
        pixel_size_um
            Taken so that all models are called alike; these do not rescale.

        Raises
        ------
        ModelError
            If the image is none of these; the message says how to convert it.
        """
        return Found(image=self.predict(as_planes(image, self.card.channels)))

    def prepare(self, shape_yx: tuple[int, int]) -> None:
        """Allocate and warm up for images of this shape."""
        rows, columns = padded_shape(shape_yx, self.card.size_multiple)
        for height in spans(rows, self._tile_px, self.card.halo_px, self.card.size_multiple)[:1]:
            for width in spans(columns, self._tile_px, self.card.halo_px, self.card.size_multiple)[:1]:
                self._session.buffers((height.stop - height.start, width.stop - width.start))

    def predict(self, planes: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Return the network's image, in counts of the channel that the card `restores`, else as the network gives it.

        Parameters
        ----------
        planes
            One (Y, X) for each of the card's channels, all of one shape.

        Returns
        -------
        NDArray
            Shape (Y, X) float32, the caller's own.
        """
        card, (rows, columns) = self.card, planes[0].shape
        shape = padded_shape((rows, columns), card.size_multiple)
        buffers = None if max(shape) > self._tile_px else self._session.buffers(shape)
        target = np.empty((len(planes), *shape), np.float32) if buffers is None else buffers.input_nchw[0]
        scales = {
            name: self._fill(layer, plane, self._scale(index, plane))
            for index, (name, layer, plane) in enumerate(zip(card.channels, target, planes, strict=True))
        }  # fmt: skip
        maps = self._in_tiles(target) if buffers is None else self._session.run(buffers)[0]
        answer = maps[0, :rows, :columns]
        if card.restores is None:
            return answer.copy()
        low, span = scales[card.restores]
        if card.normalisation.name in COMPRESSED:
            answer = expand(answer)
        return answer * np.float32(span) + np.float32(low)

    def _scale(self, channel: int, plane_yx: NDArray[Any]) -> tuple[float, float]:
        """Return (low, span) in counts: what becomes 0, and how far above it 1 lies."""
        wanted = self.card.normalisation
        if wanted.name == "fixed":
            return wanted.low[channel], wanted.high[channel] - wanted.low[channel]
        return scale_of(plane_yx, wanted.low_percent, wanted.high_percent)

    def _fill(
        self, layer_yx: NDArray[np.float32], plane_yx: NDArray[Any], scale: tuple[float, float]
    ) -> tuple[float, float]:
        """Write one normalised plane into the network's input and return its scale."""
        rows, columns = plane_yx.shape
        low, span = scale
        window = layer_yx[:rows, :columns]
        np.subtract(plane_yx, np.float32(low), out=window, dtype=np.float32)
        window *= np.float32(1.0 / span)
        if self.card.normalisation.name in COMPRESSED:
            compress(window, out=window)
        reflect(layer_yx, rows, columns)
        return scale

    def _in_tiles(self, image_cyx: NDArray[np.float32]) -> NDArray[np.float32]:
        card = self.card
        return run_in_tiles(
            self._session, image_cyx, tile_px=self._tile_px, halo_px=card.halo_px, multiple=card.size_multiple
        )
