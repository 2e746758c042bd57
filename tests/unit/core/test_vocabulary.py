"""Frames, findings and clocks keep their promises."""

import numpy as np
import pytest

from stentor.core.clock import FakeClock, age_ms
from stentor.core.finding import Labels, Objects
from stentor.core.frame import PixelToStage
from stentor.core.outcome import OutcomeCounts


def test_objects_refuse_columns_of_different_length() -> None:
    with pytest.raises(ValueError, match="equally long"):
        Objects({"label": np.zeros(2), "area_px": np.zeros(3)})


def test_a_missing_column_is_named_with_those_that_exist() -> None:
    table = Objects({"label": np.zeros(2)})

    with pytest.raises(KeyError, match="no column 'size'; this table has label"):
        table["size"]


def test_a_label_image_of_a_wrong_type_is_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match="astype"):
        Labels(np.zeros((4, 4), np.uint16))  # type: ignore[arg-type]


def test_stamps_of_two_clocks_have_no_difference() -> None:
    here, elsewhere = FakeClock(clock_id="here"), FakeClock(clock_id="there")

    assert age_ms(0, elsewhere.clock_id, here) is None
    here.advance(ms=3)
    assert age_ms(0, here.clock_id, here) == 3.0


def test_an_affine_maps_pixels_to_the_stage() -> None:
    rotated = PixelToStage(xx=0, xy=0.5, x0=100, yx=-0.5, yy=0, y0=200)

    y_um, x_um = rotated.locate(np.array([10.0]), np.array([4.0]))

    assert (y_um[0], x_um[0]) == (198.0, 105.0)
    assert rotated.pixel_size_um == 0.5


def test_open_frames_are_those_without_an_outcome() -> None:
    assert OutcomeCounts(seen=10, result=4, late=1, dropped=2, failed=1, unused=1).open == 1
