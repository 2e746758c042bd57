"""The network's input: as few pixels as the objects' size allows."""

import math

from hypothesis import given
from hypothesis import strategies as st

from stentor.inference.network_input import MOST_SHRUNK, fitting_scale, padded_shape, scaled_shape


@given(st.floats(0.25, 4.0), st.integers(16, 3000), st.integers(16, 3000), st.sampled_from([8, 32]))
def test_a_fitting_scale_costs_no_pixel_more_and_is_hardly_smaller(
    scale: float, height: int, width: int, multiple: int
) -> None:
    def pixels(one: float) -> int:
        return math.prod(padded_shape(scaled_shape((height, width), one), multiple))

    fitting = fitting_scale(scale, (height, width), multiple)

    assert scale * (1 - MOST_SHRUNK) <= fitting <= scale
    assert pixels(fitting) <= pixels(scale)


def test_an_image_of_the_right_size_is_not_resampled() -> None:
    assert fitting_scale(1.0, (500, 500), 32) == 1.0


def test_of_scales_that_cost_the_same_the_one_wanted_is_taken() -> None:
    assert fitting_scale(0.95, (256, 256), 32) == 0.95, "224 pixels would be 8 % less"
    assert fitting_scale(0.9375, (512, 512), 32) == 0.9375
