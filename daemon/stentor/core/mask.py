"""Mask: which pixels of an image are meant, as few bytes."""

import math
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LARGEST_PX: Final = 2**26
"""Pixels of the largest mask that is unpacked."""


def pack_mask(mask_yx: NDArray[Any]) -> bytes:
    """Return a mask, shape (Y, X) and true where it is meant, as bytes.

    >>> unpack_mask(pack_mask(np.eye(3, dtype=bool)), (3, 3)).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    return zlib.compress(np.packbits(np.asarray(mask_yx, bool)).tobytes(), 1)


def unpack_mask(packed: bytes, shape_yx: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask, shape `shape_yx`, that `pack_mask` made; ValueError if the bytes are no such mask."""
    pixels = math.prod(shape_yx)
    if min(shape_yx) < 1 or pixels > LARGEST_PX:
        raise ValueError(f"a mask of {shape_yx[0]} x {shape_yx[1]} pixels; at most {LARGEST_PX} in all")
    expected = (pixels + 7) // 8
    try:
        # Bounded: a few bytes of a hostile stream can unpack to gigabytes.
        bits = zlib.decompressobj().decompress(packed, expected + 1)
    except zlib.error as err:
        raise ValueError(f"the mask cannot be unpacked: {err}") from err
    if len(bits) != expected:
        raise ValueError(f"the mask has not the {expected} bytes of {shape_yx[0]} x {shape_yx[1]} pixels")
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=pixels).reshape(shape_yx).astype(bool)
