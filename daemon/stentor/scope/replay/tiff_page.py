"""TIFF page: the pixels of one page, or a plain reason why they cannot be had."""

import struct
import zlib
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from stentor.core.errors import SourceError

BROKEN: Final = (
    ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, AttributeError, MemoryError, EOFError,
    struct.error, zlib.error, OSError, cv2.error,
)  # fmt: skip
"""What is raised on damaged files (tifffile's own TiffFileError is a ValueError)."""
MAX_IMAGE_BYTES: Final = 1 << 30
LZW, JPEG, PACKBITS = 5, 7, 32773
BY_OPENCV: Final = frozenset({LZW, JPEG, PACKBITS})
"""Compressions that tifffile decodes with imagecodecs only; OpenCV has them built in, and writes LZW."""


def read_page(path: Path, page: tifffile.TiffPage | tifffile.TiffFrame) -> NDArray[Any]:
    """Return the pixels of a page.

    Raises
    ------
    SourceError
        If it is damaged or compressed in a way that is not known here.
    """
    where = f"{path}: image {page.index}"
    if page.nbytes > MAX_IMAGE_BYTES:
        raise SourceError(f"{where} claims {page.nbytes} bytes; the file is damaged")
    try:
        return _decode(path, page)
    except BROKEN as err:
        raise SourceError(f"{where} cannot be read: {err}; it is damaged or of a kind to be converted first") from err


def _decode(path: Path, page: tifffile.TiffPage | tifffile.TiffFrame) -> NDArray[Any]:
    if page.aspage().compression in BY_OPENCV:
        is_read, images = cv2.imreadmulti(str(path), start=page.index, count=1, flags=cv2.IMREAD_UNCHANGED)
        if not is_read:
            raise ValueError("OpenCV cannot decode it")
        return np.asarray(images[0])
    return np.asarray(page.asarray())
