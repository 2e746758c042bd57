"""The simulated microscope, seen through Micro-Manager's core interface alone."""

from collections.abc import Iterator

import numpy as np
import pytest

from stentor.scope.simulated.core import SimulatedCore, open_simulated_core
from stentor.scope.simulated.settings import SimulatedSettings


@pytest.fixture
def core() -> Iterator[SimulatedCore]:
    core = open_simulated_core(SimulatedSettings(seed=3, width=256, height=192))
    yield core
    core.close()


def test_snap_shows_bright_nuclei_where_the_truth_has_them(core: SimulatedCore) -> None:
    core.setExposure(20)

    core.snapImage()
    pixels = core.getImage()
    frame = int(core.getProperty("Camera", "FrameCounter"))
    labels = core.microscope.truth_of(frame).labels()

    assert pixels.shape == labels.shape == (192, 256)
    assert pixels.dtype == np.uint16
    assert np.median(pixels[labels > 0]) > 1.5 * np.median(pixels[labels == 0])
