"""Post-processors turn perfect maps of known objects into those objects."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.inference.postprocess import POST_PROCESSORS, post_processor
from stentor.inference.postprocess.size_cut import renumbering

Disc = tuple[float, float, float]
"""Centre row, centre column, radius."""

TWELVE: list[Disc] = [(25 + 40 * row, 30 + 45 * column, 9 + row + column) for row in range(3) for column in range(4)]


def perfect_maps(shape_yx: tuple[int, int], discs: list[Disc]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw what a perfect network would answer, (4, Y, X), and the true labels."""
    y, x = np.mgrid[: shape_yx[0], : shape_yx[1]].astype(np.float32)
    maps = np.zeros((4, *shape_yx), np.float32)
    truth = np.zeros(shape_yx, np.int32)
    nearest = np.full(shape_yx, np.inf)
    for number, (centre_y, centre_x, radius) in enumerate(discs, start=1):
        distance = np.hypot(y - centre_y, x - centre_x)
        own = (distance <= radius) & (distance < nearest)
        nearest[own] = distance[own]
        truth[own] = number
        maps[0][own] = 1.0
        maps[1][own] = np.exp(-(distance[own] ** 2) / (2 * (0.4 * radius) ** 2))
        maps[2][own] = centre_y - y[own]
        maps[3][own] = centre_x - x[own]
    return maps, truth


def same_partition(first: NDArray[np.int32], second: NDArray[np.int32]) -> bool:
    pairs = {*zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)}
    return len(pairs) == len(np.unique(first)) == len(np.unique(second))


@pytest.mark.parametrize("name", ["centre-offset-voting", "threshold-components"])
def test_twelve_cells_in_twelve_found(name: str) -> None:
    maps, truth = perfect_maps((140, 210), TWELVE)

    labels = post_processor(name, {})(maps)

    assert labels.dtype == np.int32
    assert labels.max() == 12
    assert same_partition(labels, truth)


def test_touching_discs_are_split_where_they_touch() -> None:
    maps, truth = perfect_maps((60, 80), [(30, 25, 14), (30, 50, 14)])

    assert post_processor("threshold-components", {})(maps).max() == 1
    assert same_partition(post_processor("centre-offset-voting", {})(maps), truth)


def test_a_cell_without_a_centre_is_still_a_cell() -> None:
    maps, truth = perfect_maps((80, 160), [(40, 30, 12), (40, 120, 12)])
    maps[1][:, 80:] = 0.1

    assert same_partition(post_processor("centre-offset-voting", {})(maps), truth)


def test_no_seed_at_all_leaves_components() -> None:
    maps, truth = perfect_maps((80, 160), [(40, 30, 12), (40, 120, 12)])
    maps[1] = 0.0

    assert same_partition(post_processor("centre-offset-voting", {})(maps), truth)


@pytest.mark.parametrize("name", POST_PROCESSORS)
def test_an_empty_image_holds_nothing(name: str) -> None:
    labels = post_processor(name, {})(np.full((33, 32, 48), -3.0, np.float32))

    assert labels.shape == (32, 48)
    assert labels.dtype == np.int32
    assert not labels.any()


@pytest.mark.parametrize("name", POST_PROCESSORS)
@pytest.mark.parametrize("value", [1.0, 30.0, 1e30, np.inf, np.nan])
def test_an_image_of_one_value_ends_soon(name: str, value: float) -> None:
    maps = np.full((33, 128, 144), value, np.float32)
    begun = time.perf_counter()

    labels = post_processor(name, {})(maps)

    assert time.perf_counter() - begun < 5.0
    assert labels.shape == (128, 144)
    assert labels.max() <= 128 * 144 / 2
    assert not (np.isnan(value) and labels.any())


@pytest.mark.parametrize("name", POST_PROCESSORS)
def test_thousands_of_spurious_seeds_end_soon(name: str) -> None:
    maps = np.random.default_rng(1).uniform(-1.0, 12.0, (33, 512, 512)).astype(np.float32)
    begun = time.perf_counter()

    labels = post_processor(name, {})(maps)

    assert time.perf_counter() - begun < 10.0
    assert labels.shape == (512, 512)


@pytest.mark.parametrize("name", POST_PROCESSORS)
def test_holes_of_nan_cost_only_themselves(name: str) -> None:
    maps = np.zeros((33, 96, 96), np.float32)
    maps[:, 40:50, 40:50] = np.nan

    assert not post_processor(name, {})(maps).any()


def test_votes_that_point_outside_the_image_do_no_harm() -> None:
    maps, _ = perfect_maps((64, 64), [(32, 32, 12)])
    maps[2:] = -1e4

    assert post_processor("centre-offset-voting", {})(maps).max() == 1


def test_debris_is_cut_by_size_and_numbers_have_no_gaps() -> None:
    area = np.array([5000, 0, 0, 400, 0, 0, 0, 9, 0, 324])

    new = renumbering(area, least_area_px=4, least_share_of_median=0.1)

    assert new.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 2]


def test_an_unknown_post_processor_is_answered_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=", ".join(POST_PROCESSORS)):
        post_processor("watershed", {})


def test_an_unknown_parameter_is_answered_with_those_there_are() -> None:
    for name in POST_PROCESSORS:
        with pytest.raises(ModelError, match=rf"{name}.*foregruond.*least_area_px"):
            post_processor(name, {"foregruond": 0.5})
