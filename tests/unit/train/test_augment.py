"""Augmentation draws what microscopes show, and its targets stay true to what it has drawn."""

import numpy as np
import pytest

from stentor.inference.normalise import percentiles
from stentor.train.augment import EMPTY_SHARE, draw_crop
from stentor.train.crowd import crowd
from stentor.train.distractors import add_distractors, empty_field
from stentor.train.nuclei_data import Specimen
from stentor.train.split import Part
from stentor.train.synthetic import draw_field
from stentor.train.targets import table_of

SEEDS = range(20)


def field() -> tuple[np.ndarray, np.ndarray]:
    """Return a scaled drawn image and its labels, both float32."""
    drawn = draw_field((192, 192), 9, seed=3)
    image = drawn.image_yx.astype(np.float32)
    return (image - image.min()) / np.ptp(image), drawn.labels_yx.astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_empty_field_looks_as_normalisation_would_leave_it(seed: int) -> None:
    image = empty_field((96, 128), 26.0, np.random.default_rng(seed))

    low, high = percentiles(image, 1.0, 99.8)

    assert image.shape == (96, 128)
    assert (low, high) == pytest.approx((0.0, 1.0), abs=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_distractors_only_add_light_and_change_something_at_times(seed: int) -> None:
    image, labels = field()

    distracted = add_distractors(image, labels, 26.0, np.random.default_rng(seed))

    assert (distracted >= image - 1e-5).all()


def test_distractors_come_in_about_half_of_the_crops() -> None:
    image, labels = field()

    changed = [
        not np.array_equal(add_distractors(image, labels, 26.0, np.random.default_rng(seed)), image)
        for seed in range(60)
    ]

    assert 15 < sum(changed) < 45


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crowd_has_more_objects_each_with_its_centre(seed: int) -> None:
    image, labels = field()
    before = table_of(labels.astype(np.int32))

    crowded, more, table = crowd(image, labels, before, np.random.default_rng(seed))

    added = np.setdiff1d(np.unique(more), np.unique(labels)).astype(int)
    assert table.y_px.size == before.y_px.size + added.size
    for label in added:
        rows, columns = np.nonzero(more == label)
        assert table.y_px[label] == pytest.approx(rows.mean(), abs=0.01) or rows.size < 0.999 * _area(table, label)
        assert crowded[rows, columns].mean() > image[labels == 0].mean()
    assert np.array_equal(labels, field()[1])


def test_crowds_do_come_about() -> None:
    image, labels = field()
    table = table_of(labels.astype(np.int32))

    added = [crowd(image, labels, table, np.random.default_rng(seed))[2].y_px.size - table.y_px.size for seed in SEEDS]

    assert sum(added) > len(SEEDS) / 2


def test_some_crops_are_empty_and_say_so() -> None:
    image, labels = field()
    specimen = Specimen("drawn", "drawn", Part.TRAIN, image, image, labels, table_of(labels.astype(np.int32)))
    rng = np.random.default_rng(1)

    crops = [draw_crop(specimen, rng, crop_px=96, diameter_px=26.0, scale_jitter=1.5) for _ in range(200)]

    empty = sum(not targets[0].any() for _, targets in crops)
    assert 0 < empty < 200 * (EMPTY_SHARE + 0.1)
    assert all(np.isfinite(crop).all() and np.isfinite(targets).all() for crop, targets in crops)


def _area(table: object, label: int) -> float:
    return float(np.pi / 4 * table.diameter_px[label] ** 2)  # type: ignore[attr-defined]
