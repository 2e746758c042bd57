"""Distance watershed: touching objects part at their necks, single ones stay whole."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stentor.inference.postprocess.distance_watershed import DistanceWatershed, ascent
from stentor.inference.postprocess.foreground import Foreground
from stentor.train.accuracy import average_precision
from stentor.train.family_targets import edge_distance
from stentor.train.synthetic import draw_field


def discs(shape_yx: tuple[int, int], *places: tuple[float, float, float]) -> NDArray[np.float32]:
    y, x = np.mgrid[: shape_yx[0], : shape_yx[1]]
    inside = [np.hypot(y - row, x - column) <= radius for row, column, radius in places]
    return np.any(inside, axis=0).astype(np.float32)[None]


def test_touching_discs_are_parted_at_the_neck() -> None:
    labels = DistanceWatershed()(discs((60, 80), (30, 25, 14), (30, 50, 14)))

    assert labels.max() == 2
    assert abs(int((labels == 1).sum()) - int((labels == 2).sum())) < 60
    assert len(np.unique(labels[:, :36])) == len(np.unique(labels[:, 40:])) == 2


def test_a_long_object_stays_whole() -> None:
    maps = np.zeros((1, 60, 160), np.float32)
    maps[0, 20:40, 10:150] = 1.0
    maps[0, 20:23, ::7] = 0.0

    assert DistanceWatershed()(maps).max() == 1


def test_a_chain_is_parted_at_every_neck() -> None:
    maps = discs((60, 260), *((30, 30 + 26 * number, 15) for number in range(8)))

    assert DistanceWatershed()(maps).max() == 8


def test_an_object_cut_by_the_border_keeps_its_pixels() -> None:
    maps = discs((60, 60), (0, 30, 12), (59, 59, 15))

    labels = DistanceWatershed()(maps)

    assert labels.max() == 2
    assert ((labels > 0) == (maps[0] > 0)).all()


def test_a_network_s_distance_parts_what_the_outline_does_not() -> None:
    truth = np.zeros((60, 90), np.int32)
    truth[10:50, 10:45], truth[10:50, 45:80] = 1, 2  # together a smooth rectangle
    maps = np.stack([(truth > 0).astype(np.float32), edge_distance(truth)])

    assert DistanceWatershed()(maps).max() == 1
    found = DistanceWatershed(distance_channel=1)(maps)
    assert average_precision(found, truth, (0.9,))[0] == 1.0


def test_drawn_nuclei_that_lean_on_each_other_are_found() -> None:
    truth = draw_field((256, 256), 12, touching=4).labels_yx
    maps = np.stack([(truth > 0).astype(np.float32), edge_distance(truth)])

    assert average_precision(DistanceWatershed()(maps), truth, (0.75,))[0] > 0.75
    assert average_precision(DistanceWatershed(distance_channel=1)(maps), truth, (0.75,))[0] == 1.0


def test_peaks_beyond_the_bound_fall_to_components() -> None:
    maps = discs((60, 260), *((30, 30 + 26 * number, 15 - number / 2) for number in range(8)))

    assert DistanceWatershed(most_objects=3)(maps).max() < 8


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_plateau_has_one_peak(value: float) -> None:
    foreground = Foreground(np.ones((40, 50), np.bool_))

    peaks = ascent(np.full((40, 50), value, np.float32), foreground)

    assert np.unique(peaks).tolist() == [40 * 50 - 1]
