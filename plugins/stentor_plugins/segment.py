"""Segment: find the objects of a frame with a model of the repository."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from stentor.core.errors import StageError
from stentor.core.finding import Finding, Findings, Image, Labels
from stentor.core.frame import Frame
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.inference.model import load_as
from stentor.inference.normalise import unit_of
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.settings import Device, InferenceSettings, Precision, Rescale


class SegmentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which model, and how it runs; see `stentor.inference.settings.InferenceSettings` for the details.

    Attributes
    ----------
    model
        "nuclei", "nuclei@3", or the path of a model folder.
    precision
        "auto": int8 on a CPU that is fast at it, where the model has such weights, else float32.
    rescale
        "live": learn the objects' size from the first frames. "each": from every frame. "never".
    tile_px
        Larger images are analysed in tiles of this side.
    object_diameter_px
        Typical diameter of the objects; None: learn it as `rescale` says.
    """

    model: str = "nuclei"
    device: Device = "auto"
    precision: Precision = "auto"
    threads: int = 0
    rescale: Rescale = "live"
    tile_px: Annotated[int, Meta(ge=64)] = 2048
    object_diameter_px: float | None = None
    model_folders: tuple[str, ...] = ()


class Segment:
    """Needs "normalised", gives "labels" on the frame's own grid."""

    Settings: ClassVar[type[msgspec.Struct]] = SegmentSettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {"normalised": Image}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"labels": Labels}

    def __init__(self, settings: SegmentSettings) -> None:
        self._model = load_as(
            SegmentationModel,
            settings.model,
            InferenceSettings(
                device=settings.device,
                precision=settings.precision,
                intra_op_threads=settings.threads,
                folders=settings.model_folders,
                rescale=settings.rescale,
                tile_px=settings.tile_px,
                object_diameter_px=settings.object_diameter_px,
            ),
        )
        wanted = self._model.card.normalisation
        self._unit = unit_of(wanted.low_percent, wanted.high_percent)
        self._wanted = f"low_percent = {wanted.low_percent:g} and high_percent = {wanted.high_percent:g}"

    @property
    def model(self) -> ModelIdentity | None:
        return self._model.identity

    def prepare(self, spec: FrameSpec) -> None:
        self._model.prepare(spec.shape_yx, spec.pixel_size_um)

    def process(self, frame: Frame, found: Findings) -> Findings:
        normalised = found["normalised"]
        assert isinstance(normalised, Image)
        if normalised.unit != self._unit:
            raise StageError(f"the model wants its frames normalised with {self._wanted}, not by {normalised.unit}")
        return {"labels": Labels(self._model.segment(normalised.pixels_yx, frame.header.pixel_size_um))}

    def close(self) -> None:
        """The session goes with the model."""
