"""Masks travel as few bytes, and what is no mask is refused."""

import zlib

import numpy as np
import pytest

from stentor.core.mask import pack_mask, unpack_mask


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (512, 640)])
def test_a_mask_comes_out_as_it_went_in(shape: tuple[int, int]) -> None:
    mask_yx = np.random.default_rng(1).random(shape) > 0.7

    assert np.array_equal(unpack_mask(pack_mask(mask_yx), shape), mask_yx)


@pytest.mark.parametrize(
    ("packed", "shape", "words"),
    [
        (b"nonsense", (4, 4), "cannot be unpacked"),
        (pack_mask(np.ones((4, 4))), (8, 8), "8 bytes"),
        (zlib.compress(bytes(10**8)), (4, 4), "2 bytes"),
        (b"", (0, 4), "at most"),
        (b"", (10**6, 10**6), "at most"),
    ],
)
def test_what_is_no_mask_is_refused(packed: bytes, shape: tuple[int, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unpack_mask(packed, shape)
