"""Predict: compute an image from a frame with a model of the repository: a restored plane, or a virtual stain."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from stentor.core.finding import Finding, Findings, Image
from stentor.core.frame import Frame
from stentor.core.planes import Projection, pick_channels
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.inference.image_to_image import ImageModel
from stentor.inference.model import load_as
from stentor.inference.network_input import require_channels, require_planes
from stentor.inference.settings import Device, InferenceSettings


class PredictSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which model computes, and what it is shown.

    Attributes
    ----------
    model
        Such as "denoise" or "virtual-dna", or the path of a model folder.
    channels
        Of a gathered frame: the names of the channels that are shown to the model, in the order of its card; none:
        the frame's own image, for a model of one channel.
    z
        As in the stage normalise: which z-plane, or which projection, is shown.
    """

    model: str
    channels: tuple[str, ...] = ()
    z: int | Projection | None = None
    device: Device = "auto"
    threads: int = 0
    model_folders: tuple[str, ...] = ()


class Predict:
    """Gives "predicted", an image on the frame's own grid, in counts where the model restores one."""

    Settings: ClassVar[type[msgspec.Struct]] = PredictSettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"predicted": Image}

    def __init__(self, settings: PredictSettings) -> None:
        self._settings = settings
        self._model = load_as(
            ImageModel,
            settings.model,
            InferenceSettings(
                device=settings.device, intra_op_threads=settings.threads, folders=settings.model_folders
            ),
        )
        require_channels(self._model.card, settings.channels)

    @property
    def model(self) -> ModelIdentity | None:
        return self._model.identity

    def prepare(self, spec: FrameSpec) -> None:
        self._model.prepare(spec.shape_yx)

    def process(self, frame: Frame, found: Findings) -> Findings:
        settings = self._settings
        planes = pick_channels(frame, settings.channels, z=settings.z)
        require_planes(planes)
        return {"predicted": Image(self._model.predict(planes), self._model.card.unit)}

    def close(self) -> None:
        """The session goes with the model."""
