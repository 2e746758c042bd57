"""Measurements agree with a loop over objects that anyone can check."""

import numpy as np
import pytest
from skimage.measure import regionprops_table

from stentor.core.finding import OBJECT_COLUMNS
from stentor.inference.measure import measure


def random_labels(rng: np.random.Generator) -> np.ndarray:
    """Ragged objects with gaps in their numbers, some in several pieces."""
    labels = rng.integers(0, 9, (53, 71)).astype(np.int32)
    labels[labels == 4] = 0
    return labels * 3


def test_every_column_equals_a_loop_over_the_objects() -> None:
    rng = np.random.default_rng(3)
    labels, image = random_labels(rng), rng.integers(0, 65536, (53, 71)).astype(np.uint16)

    table = measure(labels, image)

    for row, label in enumerate(np.unique(labels)[1:]):
        y, x = np.nonzero(labels == label)
        values = image[y, x].astype(np.float64)
        expected = {
            "label": label, "y_px": y.mean(), "x_px": x.mean(),
            "bbox_y0_px": y.min(), "bbox_x0_px": x.min(), "bbox_y1_px": y.max() + 1, "bbox_x1_px": x.max() + 1,
            "area_px": y.size, "mean_intensity": values.mean(), "max_intensity": values.max(),
            "sum_intensity": values.sum(),
        }  # fmt: skip
        for column, value in expected.items():
            assert table[column][row] == pytest.approx(value, rel=1e-6), column


def test_axes_are_those_of_an_ellipse_however_it_lies() -> None:
    y, x = np.mgrid[-40:41, -40:41].astype(np.float64)
    for degrees in (0, 30, 90, 135):
        turn = np.deg2rad(degrees)
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        ellipse = ((along / 30) ** 2 + (across / 10) ** 2 <= 1).astype(np.int32)

        table = measure(ellipse, ellipse.astype(np.uint8))

        assert table["major_axis_px"][0] == pytest.approx(60, rel=0.02)
        assert table["minor_axis_px"][0] == pytest.approx(20, rel=0.02)


def test_axes_agree_with_scikit_image() -> None:
    labels = random_labels(np.random.default_rng(4))
    expected = regionprops_table(labels, properties=("axis_major_length", "axis_minor_length"))

    table = measure(labels, labels)

    assert table["major_axis_px"] == pytest.approx(expected["axis_major_length"], rel=1e-3)
    assert table["minor_axis_px"] == pytest.approx(expected["axis_minor_length"], rel=1e-3)


def test_columns_have_the_types_that_the_vocabulary_promises() -> None:
    table = measure(np.eye(4, dtype=np.int32), np.ones((4, 4), np.uint8))

    for name, column in table.columns.items():
        assert str(column.dtype) in OBJECT_COLUMNS[name], name


def test_an_empty_image_gives_an_empty_table_with_all_columns() -> None:
    table = measure(np.zeros((5, 7), np.int32), np.zeros((5, 7), np.uint16))

    assert len(table) == 0
    assert "max_intensity" in table


def test_negative_intensities_keep_their_maximum() -> None:
    image = np.full((3, 3), -5.0, np.float32)

    assert measure(np.ones((3, 3), np.int32), image)["max_intensity"].tolist() == [-5.0]


def test_an_image_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        measure(np.zeros((4, 4), np.int32), np.zeros((4, 5), np.uint16))
