"""Foreground: what is worked on as a list comes back as an image."""

import numpy as np

from stentor.inference.postprocess.foreground import Foreground

MASK = np.zeros((6, 9), np.bool_)
MASK[1:3, 1:4] = MASK[4, 6:9] = True


def test_pixels_are_listed_in_reading_order() -> None:
    foreground = Foreground(MASK)

    assert foreground.size == 9
    assert foreground.flat.tolist() == np.flatnonzero(MASK).tolist()
    assert list(zip(foreground.y.tolist(), foreground.x.tolist(), strict=True)) == [
        *zip(*np.nonzero(MASK), strict=True)
    ]
    assert foreground.values(np.arange(54).reshape(6, 9)).tolist() == foreground.flat.tolist()


def test_points_beyond_the_image_lie_at_its_rim() -> None:
    places = Foreground(MASK).at(np.array([-5.0, 99.0, 2.6, np.nan]), np.array([0.4, 99.0, 2.4, np.inf]))

    assert places.tolist() == [0, 53, 3 * 9 + 2, 8]


def test_numbers_come_back_in_place_and_pieces_without_one_become_objects() -> None:
    numbers = np.array([7, 7, 7, 7, 7, 7, 0, 0, 0], np.int32)

    labels = Foreground(MASK).label_image(numbers, least_area_px=1, least_share_of_median=0)

    assert labels.dtype == np.int32
    assert labels[1, 1] == 1
    assert labels[4, 7] == 2
    assert ((labels > 0) == MASK).all()


def test_small_ones_go_and_the_rest_is_numbered_without_gaps() -> None:
    labels = Foreground(MASK).label_image(
        np.array([7, 7, 7, 7, 7, 7, 3, 3, 3], np.int32), least_area_px=4, least_share_of_median=0
    )

    assert np.unique(labels).tolist() == [0, 1]


def test_nothing_gives_nothing() -> None:
    labels = Foreground(np.zeros((4, 5), np.bool_)).label_image(
        np.zeros(0, np.int32), least_area_px=1, least_share_of_median=0.1
    )

    assert labels.shape == (4, 5)
    assert not labels.any()
