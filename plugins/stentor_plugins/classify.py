"""Classify: tell of every object which class it is of, with a model of the repository, in one batched call."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from stentor.core.finding import Finding, Findings, Labels, Objects
from stentor.core.frame import Frame
from stentor.core.planes import Projection, pick_channels
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.inference.classification import ClassificationModel, columns_of
from stentor.inference.model import load_as
from stentor.inference.network_input import require_channels
from stentor.inference.settings import Device, InferenceSettings


class ClassifySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which model judges, and what it is shown.

    Attributes
    ----------
    model
        Such as "micronuclei" or "cell-cycle", or the path of a model folder.
    channels
        Of a gathered frame: the names of the channels that are shown to the model, in the order of its card; none:
        the frame's own image, for a model of one channel.
    z
        As in the stage normalise: which z-plane, or which projection, is shown.
    prefix
        Put before the names of the columns, where two classifiers stand in one plan.
    """

    model: str
    channels: tuple[str, ...] = ()
    z: int | Projection | None = None
    prefix: str = ""
    device: Device = "auto"
    threads: int = 0
    model_folders: tuple[str, ...] = ()


class Classify:
    """Needs "labels" and "objects"; gives "objects" with `class`, `probability` and `p_<class>` for every class."""

    Settings: ClassVar[type[msgspec.Struct]] = ClassifySettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {"labels": Labels, "objects": Objects}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects}

    def __init__(self, settings: ClassifySettings) -> None:
        self._settings = settings
        self._model = load_as(
            ClassificationModel,
            settings.model,
            InferenceSettings(
                device=settings.device, intra_op_threads=settings.threads, folders=settings.model_folders
            ),
        )
        require_channels(self._model.card, settings.channels)
        self.columns = tuple(settings.prefix + name for name in columns_of(self._model.card))

    @property
    def model(self) -> ModelIdentity | None:
        return self._model.identity

    def prepare(self, spec: FrameSpec) -> None:
        self._model.prepare()

    def process(self, frame: Frame, found: Findings) -> Findings:
        labels, objects = found["labels"], found["objects"]
        assert isinstance(labels, Labels)
        assert isinstance(objects, Objects)
        settings = self._settings
        planes = pick_channels(frame, settings.channels, z=settings.z)
        columns = self._model.classify(planes, labels.labels_yx, objects, frame.header.pixel_size_um)
        return {"objects": objects.with_columns({settings.prefix + name: c for name, c in columns.items()})}

    def close(self) -> None:
        """The session goes with the model."""
