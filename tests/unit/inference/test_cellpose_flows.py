"""Cellpose flows: what drifts to one place is one object, on ideal flows and on spoilt ones."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stentor.inference.postprocess.cellpose_flows import CellposeFlows, follow
from stentor.inference.postprocess.foreground import Foreground
from stentor.train.accuracy import average_precision
from stentor.train.family_targets import heat_flows
from stentor.train.synthetic import draw_field


def maps_of(labels_yx: NDArray[np.int32]) -> NDArray[np.float32]:
    return np.concatenate([5.0 * heat_flows(labels_yx), (labels_yx > 0).astype(np.float32)[None]])


def tiled(labels_yx: NDArray[np.int32], times: int) -> NDArray[np.int32]:
    """Lay out copies with numbers of their own, so that there are many object pixels."""
    row = np.concatenate([labels_yx + (labels_yx > 0) * number * labels_yx.max() for number in range(times)], axis=1)
    return np.concatenate([row + (row > 0) * number * row.max() for number in range(times)]).astype(np.int32)


TRUTH = draw_field((256, 256), 12, touching=4).labels_yx


@pytest.mark.parametrize("copies", [1, 3])
def test_drawn_nuclei_that_lean_on_each_other_are_found(copies: int) -> None:
    truth = tiled(TRUTH, copies)

    labels = CellposeFlows()(maps_of(truth))

    assert labels.max() == 16 * copies**2
    assert average_precision(labels, truth, (0.9,))[0] == 1.0


@pytest.mark.parametrize("copies", [1, 3])
def test_blurred_noisy_and_biased_flows_find_nearly_all(copies: int) -> None:
    truth = tiled(TRUTH, copies)
    maps = maps_of(truth)
    rng = np.random.default_rng(3)
    maps[:2] = [cv2.GaussianBlur(flow, (0, 0), 2.0) for flow in maps[:2]]
    maps[:2] += rng.normal(0.0, 1.0, maps[:2].shape) + 0.5

    labels = CellposeFlows()(maps)

    assert average_precision(labels, truth, (0.5,))[0] > 0.85


def test_maps_in_another_order_and_scale_are_read_as_told() -> None:
    y, x, probability = maps_of(TRUTH)
    logit = np.where(probability > 0, np.float32(3.0), np.float32(-3.0))

    labels = CellposeFlows(probability_channel=0, flow_x=1, flow_y=2, flow_scale=1.0, probability=0.0)(
        np.stack([logit, x / 5, y / 5])
    )

    assert average_precision(labels, TRUTH, (0.9,))[0] == 1.0


def test_an_object_cut_by_the_border_is_found() -> None:
    truth = np.zeros((64, 64), np.int32)
    truth[:15, 20:44] = 1

    assert average_precision(CellposeFlows()(maps_of(truth)), truth, (0.9,))[0] == 1.0


def test_what_has_no_flow_to_speak_of_goes_where_that_is_asked() -> None:
    truth = np.zeros((64, 96), np.int32)
    truth[10:40, 10:40], truth[10:40, 55:85] = 1, 2
    maps = maps_of(truth)
    maps[:2, :, 48:] *= 0.1

    labels = CellposeFlows(least_drift=0.3)(maps)

    assert labels.max() == 1
    assert not labels[:, 48:].any()


def test_pixels_without_a_sink_are_objects_of_their_own() -> None:
    truth = np.zeros((64, 96), np.int32)
    truth[10:40, 10:40] = 1
    truth[20:24, 70:75] = 2
    maps = maps_of(truth)
    maps[:2, :, 48:] = 0.0

    assert CellposeFlows()(maps).max() == 2


def test_following_stops_where_the_foreground_ends() -> None:
    foreground = Foreground(np.ones((1, 10), np.bool_))

    y, x = follow(np.array([[0.0] * 10, [1.0] * 10], np.float32), foreground, 5)

    assert not y.any()
    assert x.max() <= 41  # clipped to the rim, at which it stands still in truth
    foreground = Foreground(np.array([[True] * 5 + [False] * 5]))
    _, x = follow(np.array([[0.0] * 5, [1.0] * 5], np.float32), foreground, 5)
    assert x.tolist() == [5.0] * 5


def test_doubling_takes_as_many_steps_as_it_says() -> None:
    foreground = Foreground(np.ones((1, 200), np.bool_))

    _, x = follow(np.array([[0.0] * 200, [0.75] * 200], np.float32), foreground, 5)

    assert x[0] == pytest.approx(24.0)
