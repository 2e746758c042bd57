"""Family targets: checked where geometry gives the answer."""

import numpy as np
import pytest

from stentor.train.family_targets import edge_distance, heat_flows, object_probability, ray_distances

Y, X = np.mgrid[:41, :61]
DISC = (np.hypot(Y - 20, X - 30) <= 12).astype(np.int32)
HALVES = np.where(X < 30, 1, 2)[:, :60].astype(np.int32)


def test_the_edge_distance_falls_to_one_at_the_edge_of_another_object() -> None:
    distance = edge_distance(HALVES)

    assert distance[20, 29] == distance[20, 30] == 1.0
    assert distance[20, 10] == pytest.approx(20.0, rel=0.03)


def test_the_probability_is_one_in_the_middle_of_every_object() -> None:
    probability = object_probability(DISC)

    assert probability.max() == probability[20, 30] == 1.0
    assert not probability[DISC == 0].any()


def test_rays_from_the_centre_of_a_disc_are_its_radius() -> None:
    rays = ray_distances(DISC, 16)

    assert rays.shape == (16, 41, 61)
    assert np.allclose(rays[:, 20, 30], 12.0, atol=0.8)


def test_the_first_ray_points_along_x_and_the_next_turn_towards_y() -> None:
    rays = ray_distances(DISC, 4)[:, 20, 35]

    assert rays[0] < rays[1] < rays[2]
    assert rays[1] == rays[3]


def test_rays_end_at_the_image_and_at_a_neighbour() -> None:
    rays = ray_distances(HALVES, 4)[:, 20, 20]

    assert rays.tolist() == [9.5, 20.5, 20.5, 20.5]


def test_flows_have_length_one_and_lead_to_the_centre() -> None:
    flows = heat_flows(DISC)
    inside = (DISC > 0) & (np.hypot(Y - 20, X - 30) > 2)

    towards = np.stack([20 - Y, 30 - X]) / np.maximum(np.hypot(Y - 20, X - 30), 1)

    assert np.allclose(np.hypot(*flows)[inside], 1.0, atol=1e-5)
    assert (flows * towards).sum(axis=0)[inside].min() > 0.9
    assert not flows[:, DISC == 0].any()


def test_neighbours_have_flows_of_their_own() -> None:
    flows = heat_flows(HALVES)

    assert (flows[1, :, 29] < 0).all()
    assert (flows[1, :, 30] > 0).all()


def test_empty_labels_have_empty_targets() -> None:
    nothing = np.zeros((12, 16), np.int32)

    for draw in (edge_distance, object_probability, ray_distances, heat_flows):
        assert not draw(nothing).any()
