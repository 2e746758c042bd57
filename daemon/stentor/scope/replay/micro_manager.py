"""Micro-Manager's recorded tags: what it and pycromanager write beside each image, in NDTiff and image stacks."""

from collections.abc import Mapping
from typing import Any

from stentor.microscope import metadata as tags
from stentor.microscope.affine import is_calibrated
from stentor.scope.replay.recording import Facts


def time_s_of(metadata: Mapping[str, Any]) -> float | None:
    """Return when an image was taken, in seconds since the acquisition began."""
    ms = tags.first_real(metadata, "ElapsedTime-ms", "runner_time_ms")
    return None if ms is None else ms / 1000


def facts_of(metadata: Mapping[str, Any]) -> Facts:
    """Return the rest of what is of use."""
    channel = metadata.get("Channel")
    pixel_size_um = tags.first_real(metadata, "PixelSizeUm", "PixelSize_um", "pixel_size_um") or None
    return Facts(
        channel=channel if isinstance(channel, str) and channel else None,
        exposure_ms=tags.exposure_ms(metadata),
        camera=tags.camera_name(metadata) or _text(metadata, "Core-Camera"),
        bit_depth=tags.whole(metadata.get("BitDepth")),
        binning=tags.binning(metadata),
        pixel_size_um=pixel_size_um,
        affine=_affine(metadata, pixel_size_um),
        roi_xywh=_roi(metadata),
        stage=tags.stage_position(metadata),
    )


def _text(metadata: Mapping[str, Any], key: str) -> str | None:
    value = metadata.get(key)
    return value if isinstance(value, str) and value else None


def _affine(metadata: Mapping[str, Any], pixel_size_um: float | None) -> tuple[float, ...] | None:
    numbers = [tags.real(part) for part in str(metadata.get("PixelSizeAffine", "")).split(";")]
    affine = tuple(number for number in numbers if number is not None)
    return affine if len(affine) == 6 and pixel_size_um and is_calibrated(affine, pixel_size_um) else None


def _roi(metadata: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    numbers = [tags.whole(part) for part in str(metadata.get("ROI", "")).split("-")]
    left, top, width, height = numbers if len(numbers) == 4 else [None] * 4
    if left is None or top is None or width is None or height is None:
        return None
    return left, top, width, height
