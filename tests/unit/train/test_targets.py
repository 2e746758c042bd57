"""Targets and accuracy, checked on labels that a person can count."""

import numpy as np
import pytest

from stentor.train.accuracy import average_precision
from stentor.train.targets import IGNORED, OFFSET_UNIT_PX, TOUCHING_WEIGHT, draw_targets, table_of


def two_squares() -> np.ndarray:
    labels = np.zeros((20, 30), np.int32)
    labels[5:14, 3:12], labels[5:14, 12:21] = 1, 2
    return labels


def test_offsets_lead_from_every_pixel_to_its_own_centre() -> None:
    labels = two_squares()

    targets = draw_targets(labels.astype(np.float32), table_of(labels))

    for y, x in np.argwhere(labels > 0):
        centre = (9, 7) if labels[y, x] == 1 else (9, 16)
        assert targets[2, y, x] * OFFSET_UNIT_PX == pytest.approx(centre[0] - y)
        assert targets[3, y, x] * OFFSET_UNIT_PX == pytest.approx(centre[1] - x)
    assert targets[1, 9, 7] == targets[1, 9, 16] == 1.0


def test_pixels_between_touching_objects_weigh_more() -> None:
    labels = two_squares()

    weight = draw_targets(labels.astype(np.float32), table_of(labels))[4]

    assert weight[9, 11] == weight[9, 12] == TOUCHING_WEIGHT
    assert weight[9, 5] == weight[0, 0] == 1.0


def test_unknown_pixels_weigh_nothing_and_are_no_object() -> None:
    labels = two_squares()
    known = labels.astype(np.float32)
    known[16:, :] = IGNORED

    targets = draw_targets(known, table_of(labels))

    assert not targets[4, 16:].any()
    assert not targets[:4, 16:].any()


def test_a_table_follows_an_affine() -> None:
    table = table_of(two_squares()).mapped(np.array([[2.0, 0.0, 1.0], [0.0, 2.0, -3.0]]))

    assert (table.y_px[1], table.x_px[1]) == (15.0, 15.0)
    assert table.diameter_px[1] == pytest.approx(2 * np.sqrt(4 * 81 / np.pi))


def test_average_precision_of_a_perfect_answer_is_one_whatever_the_numbers() -> None:
    labels = two_squares()

    assert average_precision(labels * 7, labels).tolist() == [1.0, 1.0, 1.0]


def test_one_of_two_found_and_one_invented_is_a_third() -> None:
    found = two_squares()
    found[found == 2] = 0
    found[16:19, 1:4] = 5

    assert average_precision(found, two_squares()).tolist() == pytest.approx([1 / 3] * 3)


def test_a_shifted_object_counts_below_its_overlap_only() -> None:
    truth = np.zeros((20, 20), np.int32)
    truth[5:15, 5:15] = 1

    # 10 x 10 shifted by one: intersection 90, union 110, 0.818.
    assert average_precision(np.roll(truth, 1, axis=0), truth).tolist() == [1.0, 1.0, 0.0]


def test_nothing_found_in_nothing_is_right_and_something_is_wrong() -> None:
    empty = np.zeros((20, 30), np.int32)

    assert average_precision(empty, empty).tolist() == [1.0] * 3
    assert average_precision(two_squares(), empty).tolist() == [0.0] * 3
    assert average_precision(empty, two_squares()).tolist() == [0.0] * 3


def test_images_without_background_are_scored_too() -> None:
    full = np.ones((4, 4), np.int32)

    assert average_precision(full, full).tolist() == [1.0] * 3
