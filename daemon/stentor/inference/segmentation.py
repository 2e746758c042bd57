"""Segmentation: a card, its network and its post-processor as one thing that finds the objects of an image."""

import logging
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.stage import ModelIdentity
from stentor.inference.card import SegmentationCard
from stentor.inference.found import Found
from stentor.inference.measure import measure
from stentor.inference.network_input import as_planes, fitting_scale, padded_shape, reflect, scaled_shape
from stentor.inference.normalise import COMPRESSED, compress, normalise
from stentor.inference.postprocess import post_processor
from stentor.inference.repository import ModelFolder
from stentor.inference.scale import ScaleKeeper
from stentor.inference.session import Session
from stentor.inference.settings import InferenceSettings
from stentor.inference.tiling import run_in_tiles, spans

logger = logging.getLogger(__name__)


class SegmentationModel:
    """Called by one thread, with images of any size; a size that comes again finds its buffers warm.

    `model(image)` in a script; in a pipeline `prepare` once, then `segment` on planes that `normalise` made.
    """

    TASK: ClassVar[str] = "instance-segmentation"

    def __init__(self, folder: ModelFolder, card: SegmentationCard, settings: InferenceSettings) -> None:
        self.card = card
        self._session = Session(folder, len(card.outputs), settings, channels=len(card.channels))
        self.identity = ModelIdentity(card.identity, self._session.sha256, self._session.provider)
        self._post_process = post_processor(card.post_processing.name, card.post_processing.parameters)
        self._scales = ScaleKeeper(card, settings)
        self._is_live = settings.rescale == "live"
        self._tile_px = settings.tile_px // card.size_multiple * card.size_multiple
        logger.info(
            "model %s (%s) on %s: %s",
            self.identity.name, self.identity.hash[:12], self._session.provider, self._session.reason,
        )  # fmt: skip

    def __call__(self, image: NDArray[Any], pixel_size_um: float | None = None) -> Found:
        """Analyse one image.

        Parameters
        ----------
        image
            Shape (Y, X) or (1, Y, X), uint8, uint16 or float32, at least 16 x 16.
        pixel_size_um
            Side of a pixel in micrometres; a first guess of how large the objects are. None: unknown.

        Raises
        ------
        ModelError
            If the image is none of these; the message says how to convert it.
        """
        (plane,) = as_planes(image, self.card.channels)
        labels = self.segment(self.normalise(plane), pixel_size_um)
        return Found(labels=labels, objects=measure(labels, plane))

    def normalise(self, image_yx: NDArray[Any]) -> NDArray[np.float32]:
        """Return the plane scaled by the card's percentiles, shape (Y, X) float32."""
        return normalise(image_yx, self.card.normalisation.low_percent, self.card.normalisation.high_percent)

    def prepare(self, shape_yx: tuple[int, int], pixel_size_um: float | None = None) -> None:
        """Allocate and warm up for images of this shape."""
        multiple = self.card.size_multiple
        scale = self._fitting(self._scales.first_guess(pixel_size_um), shape_yx)
        network_shape = self._network_shape(shape_yx, scale)
        for rows in spans(network_shape[0], self._tile_px, self.card.halo_px, multiple)[:1]:
            for columns in spans(network_shape[1], self._tile_px, self.card.halo_px, multiple)[:1]:
                self._session.buffers((rows.stop - rows.start, columns.stop - columns.start))

    def segment(self, normalised_yx: NDArray[np.float32], pixel_size_um: float | None = None) -> NDArray[np.int32]:
        """Return labels 1..n on the grid of the image.

        Parameters
        ----------
        normalised_yx
            What `normalise` returns, shape (Y, X).
        pixel_size_um
            As in a call.

        Returns
        -------
        NDArray
            Shape (Y, X) int32.
        """
        scale = self._scales.first_guess(pixel_size_um)
        labels = self._pass(normalised_yx, scale)
        for better in self._scales.corrections(scale, labels, normalised_yx.shape):
            labels = self._pass(normalised_yx, better)
            self._scales.saw(labels)
        return labels

    def _pass(self, normalised_yx: NDArray[np.float32], scale: float) -> NDArray[np.int32]:
        """Run network and post-processor once, at `scale` network pixels per image pixel."""
        height, width = normalised_yx.shape
        scale = self._fitting(scale, (height, width))
        rows, columns = scaled_shape((height, width), scale)
        network_shape = self._network_shape((height, width), scale)
        is_tiled = self._is_tiled(network_shape)
        buffers = None if is_tiled else self._session.buffers(network_shape)
        target = np.empty(network_shape, np.float32) if buffers is None else buffers.input_nchw[0, 0]
        plane = normalised_yx
        if (rows, columns) != (height, width):
            shrinks = scale < 1
            plane = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        if self.card.normalisation.name in COMPRESSED:
            compress(plane, out=target[:rows, :columns])
        else:
            np.copyto(target[:rows, :columns], plane)
        reflect(target, rows, columns)
        maps = self._in_tiles(target[None]) if buffers is None else self._session.run(buffers)[0]
        labels = self._post_process(maps[:, :rows, :columns])
        if (rows, columns) != (height, width):
            # cv2 resizes no int32; float32 holds every label below 2**24 exactly.
            grown = cv2.resize(labels.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            labels = grown.astype(np.int32)
        return labels

    def _fitting(self, scale: float, shape_yx: tuple[int, int]) -> float:
        """Spare a running experiment the padding; a measurement of accuracy gets the scale as it is."""
        return fitting_scale(scale, shape_yx, self.card.size_multiple) if self._is_live else scale

    def _is_tiled(self, network_shape: tuple[int, int]) -> bool:
        return max(network_shape) > self._tile_px

    def _in_tiles(self, image_cyx: NDArray[np.float32]) -> NDArray[np.float32]:
        card = self.card
        return run_in_tiles(
            self._session, image_cyx, tile_px=self._tile_px, halo_px=card.halo_px, multiple=card.size_multiple
        )

    def _network_shape(self, shape_yx: tuple[int, int], scale: float) -> tuple[int, int]:
        return padded_shape(scaled_shape(shape_yx, scale), self.card.size_multiple)
