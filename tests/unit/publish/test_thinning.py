"""Thinning: smaller images for eyes, with what a pixel then stands for."""

import numpy as np
import pytest

from stentor.core.finding import Image, Labels, Score
from stentor.publish.thinning import thinned


@pytest.mark.parametrize(
    ("side", "limit", "step", "left"), [(100, 100, 1, 100), (101, 100, 2, 50), (2048, 1024, 2, 1024)]
)
def test_an_image_fits_the_limit_and_says_its_step(side: int, limit: int, step: int, left: int) -> None:
    small, said = thinned(Image(np.zeros((side, side), np.uint16)), limit)

    assert isinstance(small, Image)
    assert (small.pixels_yx.shape, said) == ((left, left), step)


def test_images_are_averaged_and_keep_their_dtype() -> None:
    small, _ = thinned(Image(np.array([[0, 100], [200, 300]] * 8, np.uint16).repeat(8, axis=1)), 8)

    assert isinstance(small, Image)
    assert small.pixels_yx.dtype == np.uint16
    assert small.pixels_yx.mean() == pytest.approx(150)


def test_a_label_image_keeps_its_numbers() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[6:15, 6:15] = 1000

    small, step = thinned(Labels(labels), 10)

    assert isinstance(small, Labels) and step == 3
    assert small.labels_yx[2:5, 2:5].tolist() == [[1000] * 3] * 3
    assert np.count_nonzero(small.labels_yx) == 9


def test_a_thin_strip_is_left_whole() -> None:
    strip = Image(np.ones((2, 4000), np.uint8))

    assert thinned(strip, 100) == (strip, 1)


def test_a_score_is_left_alone() -> None:
    assert thinned(Score(1.0), 16) == (Score(1.0), 1)
