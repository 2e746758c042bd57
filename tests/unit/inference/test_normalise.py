"""Percentiles are exact for integers, and what no model can read is refused with a remedy."""

import numpy as np
import pytest

from stentor.core.errors import ModelError
from stentor.inference.normalise import normalise, percentiles, require_plane


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_percentiles_of_integers_are_those_of_sorting(dtype: str) -> None:
    image = np.random.default_rng(0).integers(0, 250, (97, 131)).astype(dtype)

    low, high = percentiles(image, 1.0, 99.8)

    expected = np.percentile(image, (1.0, 99.8), method="inverted_cdf")
    assert (low, high) == tuple(expected)


def test_percentiles_reach_the_brightest_uint16() -> None:
    image = np.full((32, 32), 65535, np.uint16)

    assert percentiles(image, 1.0, 99.8) == (65535.0, 65535.0)


def test_the_same_picture_in_three_types_normalises_alike() -> None:
    image = np.random.default_rng(0).integers(0, 250, (64, 64)).astype(np.uint8)
    first = normalise(image, 1.0, 99.8)

    for dtype in ("uint16", "float32"):
        np.testing.assert_allclose(normalise(image.astype(dtype), 1.0, 99.8), first, atol=0.02)


def test_a_plane_without_contrast_becomes_zeros() -> None:
    assert not normalise(np.full((20, 20), 300, np.uint16), 1.0, 99.8).any()


def test_a_strided_view_is_read_like_its_copy() -> None:
    image = np.random.default_rng(0).integers(0, 4000, (64, 64)).astype(np.uint16)

    assert percentiles(image[:, ::2], 1, 99) == percentiles(image[:, ::2].copy(), 1, 99)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_refused_with_its_remedy(value: float) -> None:
    image = np.zeros((300, 300), np.float32)
    image[123, 217] = value

    with pytest.raises(ModelError, match="nan_to_num"):
        normalise(image, 1.0, 99.8)


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        (np.zeros((32, 32, 3), np.uint8), "choose a channel"),
        (np.zeros((32, 32), np.float64), "astype"),
        (np.zeros((32, 32), np.int32), "astype"),
        (np.zeros((8, 32), np.uint16), "widen the ROI"),
    ],
)
def test_what_no_model_reads_is_refused_with_its_remedy(image: np.ndarray, remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        require_plane(image)
