"""From pixels to stage micrometres."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.microscope.affine import is_calibrated, pixel_to_stage

AFFINES = [(0.65, 0.0, 0.0, 0.0, 0.65, 0.0), (0.0, 0.65, 0.0, -0.65, 0.0, 0.0), (-0.65, 0.0, 0.0, 0.0, 0.65, 0.0)]
position = st.floats(-1e5, 1e5)


@pytest.mark.parametrize("affine", AFFINES)
@given(x_um=position, y_um=position)
def test_the_centre_of_the_chip_is_where_the_stage_stands(affine: tuple[float, ...], x_um: float, y_um: float) -> None:
    place = pixel_to_stage(affine, x_um=x_um, y_um=y_um, roi_xywh=(0, 0, 200, 100))

    y, x = place.locate(np.array([49.5]), np.array([99.5]))
    assert (x[0], y[0]) == pytest.approx((x_um, y_um), abs=1e-6)


def test_moving_to_the_place_of_a_thing_brings_it_to_the_centre() -> None:
    # Turned by 90 degrees: a step to the right in the image is a step of the stage towards -y.
    affine = (0.0, 0.5, 0.0, -0.5, 0.0, 0.0)
    place = pixel_to_stage(affine, x_um=10, y_um=20, roi_xywh=(0, 0, 101, 101))

    y, x = place.locate(np.array([50.0]), np.array([54.0]))

    assert (x[0], y[0]) == (10, 18)


@pytest.mark.parametrize("affine", AFFINES)
def test_a_region_of_interest_keeps_its_place_on_the_stage(affine: tuple[float, ...]) -> None:
    whole = pixel_to_stage(affine, x_um=1, y_um=2, roi_xywh=(0, 0, 200, 100), chip_wh=(200, 100))
    part = pixel_to_stage(affine, x_um=1, y_um=2, roi_xywh=(30, 40, 50, 20), chip_wh=(200, 100))

    in_whole = whole.locate(np.array([45.0]), np.array([37.0]))
    in_part = part.locate(np.array([5.0]), np.array([7.0]))

    assert np.allclose(in_whole, in_part)


def test_without_the_chip_a_region_is_centred_on_the_stage() -> None:
    place = pixel_to_stage(AFFINES[0], x_um=1, y_um=2, roi_xywh=(30, 40, 50, 20))

    y, x = place.locate(np.array([9.5]), np.array([24.5]))

    assert (x[0], y[0]) == (1, 2)


@pytest.mark.parametrize(
    ("affine", "pixel_size_um", "answer"),
    [
        (AFFINES[1], 0.65, True),
        (AFFINES[0], 0.60, True),
        ((1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 0.25, False),
        ((2.0, 0.0, 0.0, 0.0, 2.0, 0.0), 0.5, False),
        ((0.0,) * 6, 0.0, False),
        ((1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 0.0, False),
    ],
)
def test_an_affine_counts_only_if_it_agrees_with_the_pixel_size(
    affine: tuple[float, ...], pixel_size_um: float, answer: bool
) -> None:
    assert is_calibrated(affine, pixel_size_um) is answer
