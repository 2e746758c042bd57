"""StarDist polygons: one outline for each object, drawn where it is."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from stentor.inference.postprocess.star_polygons import StarPolygons, Stencils
from stentor.inference.postprocess.stardist_polygons import StardistPolygons
from stentor.inference.postprocess.suppression import suppress
from stentor.train.accuracy import average_precision
from stentor.train.family_targets import object_probability, ray_distances
from stentor.train.synthetic import draw_field


def maps_of(labels_yx: NDArray[np.int32], rays: int = 32) -> NDArray[np.float32]:
    return np.concatenate([object_probability(labels_yx)[None], ray_distances(labels_yx, rays)])


def circles(*places: tuple[float, float, float], rays: int = 32) -> StarPolygons:
    y, x, radius = np.array(places, np.float32).T
    return StarPolygons(y, x, np.repeat(radius[:, None], rays, axis=1))


@pytest.mark.parametrize("rays", [16, 32, 96])
def test_drawn_nuclei_that_lean_on_each_other_are_found(rays: int) -> None:
    truth = draw_field((256, 256), 12, touching=4).labels_yx

    labels = StardistPolygons()(maps_of(truth, rays))

    assert labels.max() == 16
    assert average_precision(labels, truth, (0.75,))[0] == 1.0


def test_maps_on_a_coarser_grid_give_labels_on_the_image_s() -> None:
    truth = draw_field((256, 256), 12, touching=4).labels_yx

    labels = StardistPolygons(grid=2)(np.ascontiguousarray(maps_of(truth)[:, ::2, ::2]))

    assert labels.shape == truth.shape
    assert average_precision(labels, truth, (0.75,))[0] == 1.0


def test_channels_are_found_where_the_parameters_say() -> None:
    truth = draw_field((128, 128), 4).labels_yx
    maps = maps_of(truth)
    shuffled = np.concatenate([np.full_like(maps[:2], 7.0), maps[1:], maps[:1]])

    labels = StardistPolygons(probability_channel=34, first_ray=2, rays=32)(shuffled)

    assert average_precision(labels, truth, (0.75,))[0] == 1.0


def test_an_object_at_the_border_is_cut_by_it() -> None:
    truth = np.zeros((64, 64), np.int32)
    truth[:20, 20:44] = 1

    labels = StardistPolygons()(maps_of(truth))

    assert labels.max() == 1
    assert labels[0, 32] == 1


def test_of_two_outlines_of_one_object_the_more_probable_is_kept() -> None:
    kept = suppress(
        circles((30, 30, 10), (31, 33, 11), (30, 60, 10)),
        np.array([0.6, 0.9, 0.5], np.float32), overlap=0.5, spacing_px=2.0, most=10,
    )  # fmt: skip

    assert kept.tolist() == [1, 2]


def test_a_small_outline_inside_a_large_one_goes() -> None:
    kept = suppress(
        circles((30, 30, 25), (40, 38, 4)),
        np.array([0.9, 0.8], np.float32), overlap=0.5, spacing_px=2.0, most=10,
    )  # fmt: skip

    assert kept.tolist() == [0]


def test_a_plateau_of_equal_outlines_is_covered_without_much_overlap() -> None:
    y, x = np.mgrid[0:200:2, 0:200:2].reshape(2, -1)
    many = StarPolygons(y, x, np.full((y.size, 32), 8.0, np.float32))

    kept = suppress(many, np.ones(y.size, np.float32), overlap=0.5, spacing_px=2.0, most=10_000)

    gaps = np.hypot(y[kept, None] - y[kept], x[kept, None] - x[kept])[np.triu_indices(kept.size, 1)]
    assert gaps.min() > 5.0  # two discs of radius 8 share half their area at 6.5
    assert 200 < kept.size < 1000


def test_no_more_are_kept_than_allowed() -> None:
    places = [(20.0 * (number // 10), 20.0 * (number % 10), 5.0) for number in range(100)]

    kept = suppress(circles(*places), np.linspace(0.5, 1, 100, dtype=np.float32), overlap=0.5, spacing_px=1.0, most=7)

    assert kept.tolist() == [99, 98, 97, 96, 95, 94, 93]


@pytest.mark.parametrize(("apart", "shared"), [(0.0, 1.0), (6.46, 0.5), (16.5, 0.0)])
@pytest.mark.parametrize("radius", [4.0, 40.0])
def test_the_overlap_of_two_discs_is_that_of_geometry(apart: float, shared: float, radius: float) -> None:
    pair = circles((100, 100, radius), (100, 100 + apart / 8 * radius, radius))

    overlap = Stencils(pair).overlap(np.array([0]), pair[np.array([1])])

    assert overlap[0] == pytest.approx(shared, abs=0.02)


def test_polygons_are_drawn_in_order_the_last_one_on_top() -> None:
    labels = circles((20, 20, 8), (20, 26, 8)).draw((40, 50))

    assert labels[20, 23] == 2


@pytest.mark.parametrize("radius", [3.0, 8.0, 40.0])
def test_a_polygon_covers_the_pixels_that_skimage_gives_it(radius: float) -> None:
    one = circles((50.3, 50.6, radius))
    x, y = one.corners()[0].T
    theirs = polygon2mask((100, 100), np.column_stack([y + 50.3, x + 50.6]))

    ours = one.draw((100, 100)) > 0

    assert (ours != theirs).sum() <= 1.6 * radius + 4  # a quarter of a pixel along the outline
