"""Measure: a table of the objects of a label image, in pixels and on the stage."""

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
import numpy as np

from stentor.core.finding import OBJECT_COLUMNS, Finding, Findings, Labels, Objects
from stentor.core.frame import Frame
from stentor.core.planes import Projection, pick
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.inference.measure import measure

INTENSITIES: Final = ("mean_intensity", "max_intensity", "sum_intensity")


class MeasureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is measured.

    Attributes
    ----------
    channels
        Further channels of a gathered frame; each gives columns such as `mean_intensity_FITC`.
    z
        As in the stage normalise: which z-plane, or which projection, is measured in every channel.
    """

    channels: tuple[str, ...] = ()
    z: int | Projection | None = None


class Measure:
    """Needs "labels", gives "objects"; columns in micrometres are absent where the frame's header does not allow them.

    Areas need its `pixel_size_um`, places on the stage its `pixel_to_stage`.
    """

    Settings: ClassVar[type[msgspec.Struct]] = MeasureSettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {"labels": Labels}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects}

    def __init__(self, settings: MeasureSettings) -> None:
        self._settings = settings
        further = (f"{name}_{channel}" for channel in settings.channels for name in INTENSITIES)
        self.columns = (*OBJECT_COLUMNS, *further)

    @property
    def model(self) -> ModelIdentity | None:
        return None

    def prepare(self, spec: FrameSpec) -> None:
        """Nothing to prepare."""

    def process(self, frame: Frame, found: Findings) -> Findings:
        labels = found["labels"]
        assert isinstance(labels, Labels)
        settings = self._settings
        objects = measure(labels.labels_yx, pick(frame, z=settings.z))
        for channel in settings.channels:
            further = measure(labels.labels_yx, pick(frame, channel=channel, z=settings.z))
            objects = objects.with_columns({f"{name}_{channel}": further[name] for name in INTENSITIES})
        affine = frame.header.pixel_to_stage
        if affine is not None:
            y_um, x_um = affine.locate(objects["y_px"], objects["x_px"])
            objects = objects.with_columns({"y_um": y_um, "x_um": x_um})
        pixel_size_um = frame.header.pixel_size_um
        if pixel_size_um is not None:
            in_um = {
                "area_um2": objects["area_px"] * pixel_size_um**2,
                "major_axis_um": objects["major_axis_px"] * pixel_size_um,
                "minor_axis_um": objects["minor_axis_px"] * pixel_size_um,
            }
            objects = objects.with_columns({name: column.astype(np.float32) for name, column in in_um.items()})
        return {"objects": objects}

    def close(self) -> None:
        """Nothing to close."""
