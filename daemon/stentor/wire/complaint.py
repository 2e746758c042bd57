"""Complaint: why an image cannot be a frame, and what to do about it."""

from typing import Any

from numpy.typing import NDArray

from stentor.core.frame import PIXEL_DTYPES


def complaint(pixels: NDArray[Any]) -> str | None:
    """Say why an image cannot be a frame and what to do about it; None: it can."""
    if pixels.ndim != 2:
        return (
            f"an image of shape {pixels.shape} is not one plane (Y, X); "
            "switch the camera to a grey pixel type (8 or 16 bit) or split the colours first"
        )
    if pixels.dtype.name not in PIXEL_DTYPES:
        return f"pixels of type {pixels.dtype} are not taken; convert them to {', '.join(PIXEL_DTYPES)}"
    if pixels.size == 0:
        return "an empty image; check the region of interest"
    return None
