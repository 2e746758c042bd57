"""Binning: sums of light, one offset, and a truth that follows."""

import numpy as np
import pytest

from stentor.scope.simulated.binning import binned
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import SimulatedSettings


def test_light_adds_up_and_the_offset_does_not() -> None:
    counts = np.full((5, 6), 110, np.uint16)

    assert binned(counts, 2, offset=100.0, ceiling=65535).tolist() == [[140] * 3] * 2


def test_bright_sums_saturate() -> None:
    assert binned(np.full((4, 4), 60_000, np.uint16), 4, offset=100.0, ceiling=65535).tolist() == [[65535]]


@pytest.mark.parametrize("factor", [2, 4])
def test_the_truth_follows_the_pixels(factor: int) -> None:
    clock = HandClock()
    microscope = Microscope(SimulatedSettings(width=256, height=256), clock)
    clock.advance(1)
    taken = microscope.expose(0, clock.monotonic_ns(), 100.0, auto_shutter=True)

    truth = taken.truth.binned(factor)
    image = binned(taken.pixels, factor, offset=100.0, ceiling=65535)

    assert truth.labels().shape == image.shape == (256 // factor, 256 // factor)
    inside = truth.labels() > 0
    assert np.median(image[inside]) > 2 * np.median(image[~inside])
    whole = taken.truth.labels()
    sampled = whole[factor // 2 :: factor, factor // 2 :: factor] > 0
    shifted = [np.mean(np.roll(sampled, by, axis) == inside) for axis in (0, 1) for by in (-1, 1)]
    assert np.mean(sampled == inside) > max(shifted)
