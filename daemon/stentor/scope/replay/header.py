"""Replay header: one form for what any recording says about an image."""

from collections.abc import Mapping
from typing import Any, Final

from numpy.typing import NDArray

from stentor.core.frame import FrameHeader, FrameId, PixelToStage
from stentor.microscope.affine import pixel_to_stage
from stentor.scope.replay.recording import Facts, RecordedImage
from stentor.scope.replay.settings import ReplaySettings

NAMES: Final = {"t": ("time", "t"), "c": ("channel", "c"), "z": ("z",), "p": ("position", "p")}


class ReplayHeaderMaker:
    """Makes the headers of one run; told of every image in order, also of those that are skipped."""

    def __init__(self, settings: ReplaySettings, *, clock_id: str) -> None:
        self._settings = settings
        self._clock_id = clock_id
        self._names: dict[str, dict[str, int]] = {}

    def indices(self, axes: Mapping[str, int | str]) -> dict[str, int | None]:
        """Return t, c, z and p: numbers as they are, names by the order of their first appearance, None: no axis."""
        return {index: self._index(axes, names) for index, names in NAMES.items()}

    def make(self, image: RecordedImage, pixels: NDArray[Any], frame_id: FrameId, received_ns: int) -> FrameHeader:
        """Make the header of an image, whose pixels are of shape (Y, X)."""
        facts, height, width = image.facts, pixels.shape[0], pixels.shape[1]
        named = next((value for key in ("channel", "C") if isinstance(value := image.axes.get(key), str)), None)
        return FrameHeader(
            frame_id=frame_id,
            shape_yx=(height, width),
            dtype=pixels.dtype.name,
            received_ns=received_ns,
            clock_id=self._clock_id,
            axes=dict(image.axes),
            **self.indices(image.axes),
            channel=named or facts.channel,
            exposure_ms=facts.exposure_ms,
            camera=facts.camera,
            bit_depth=facts.bit_depth,
            binning=facts.binning,
            roi_xywh=facts.roi_xywh,
            stage=facts.stage,
            pixel_to_stage=self._locate(facts, width, height),
            pixel_size_um=pixel_size_of(facts, self._settings),
        )

    def _index(self, axes: Mapping[str, int | str], names: tuple[str, ...]) -> int | None:
        for axis, value in axes.items():
            if axis.lower() not in names:
                continue
            if isinstance(value, int):
                return value
            known = self._names.setdefault(axis, {})
            return known.setdefault(value, len(known))
        return None

    def _locate(self, facts: Facts, width: int, height: int) -> PixelToStage | None:
        pixel_um = pixel_size_of(facts, self._settings)
        x_um, y_um = facts.stage.x_um, facts.stage.y_um
        if pixel_um is None or x_um is None or y_um is None:
            return None
        affine: tuple[float, ...] = (pixel_um, 0.0, 0.0, 0.0, pixel_um, 0.0)
        if facts.affine is not None and self._settings.pixel_size_um is None:
            affine = facts.affine
        return pixel_to_stage(affine, x_um=x_um, y_um=y_um, roi_xywh=facts.roi_xywh or (0, 0, width, height))


def pixel_size_of(facts: Facts, settings: ReplaySettings) -> float | None:
    """Return the side of a pixel: as set, else as recorded; None: unknown."""
    return settings.pixel_size_um or facts.pixel_size_um
