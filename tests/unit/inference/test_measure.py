"""Measurements agree with a loop over objects that anyone can check."""

import numpy as np
import pytest

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
