"""Scores of a frame fall with defocus and rise with saturation, whatever the exposure."""

import cv2
import numpy as np
import pytest

from stentor.core.errors import ModelError
from stentor.core.finding import Findings, Score
from stentor.core.frame import Frame, FrameHeader, FrameId
from stentor.inference.quality import focus_score, saturated_share
from stentor.train.synthetic import draw_field
from stentor_plugins.quality import Quality, QualitySettings

FIELD = draw_field((256, 256), 9, seed=2).image_yx


def values(found: Findings) -> dict[str, float]:
    return {name: score.value for name, score in found.items() if isinstance(score, Score)}


def frame(pixels: np.ndarray, bit_depth: int | None = None) -> Frame:
    header = FrameHeader(
        frame_id=FrameId("cam", "0" * 32, 0), shape_yx=pixels.shape, dtype=pixels.dtype.name, received_ns=0,
        clock_id="test", bit_depth=bit_depth,
    )  # fmt: skip
    return Frame(header, pixels)


def test_focus_falls_with_every_step_of_defocus() -> None:
    scores = [focus_score(cv2.GaussianBlur(FIELD, (0, 0), sigma)) for sigma in (0.5, 1.5, 3.0, 6.0)]

    assert scores == sorted(scores, reverse=True)


def test_focus_does_not_ask_for_the_exposure() -> None:
    bright = (FIELD.astype(np.float32) * 20 + 500).clip(0, 65535).astype(np.uint16)

    assert focus_score(bright) == pytest.approx(focus_score(FIELD), rel=0.01)
    assert focus_score(np.full((20, 20), 7, np.uint8)) == 0.0


@pytest.mark.parametrize(("bit_depth", "share"), [(12, 0.25), (None, 0.0), (16, 0.0)])
def test_saturation_goes_by_the_bits_of_the_camera(bit_depth: int | None, share: float) -> None:
    pixels = np.zeros((10, 10), np.uint16)
    pixels[:5, :5] = 4095

    assert saturated_share(pixels, bit_depth) == share
    assert saturated_share(pixels.astype(np.float32), bit_depth) == 0.0


def test_a_saturated_or_blurred_frame_is_not_trusted() -> None:
    sharp = focus_score(FIELD)
    stage = Quality(QualitySettings(least_focus=0.7 * sharp))
    burnt = FIELD.copy()
    burnt[:40] = 65535

    assert values(stage.process(frame(FIELD), {}))["trusted"] == 1.0
    assert values(stage.process(frame(burnt), {}))["trusted"] == 0.0
    assert values(stage.process(frame(cv2.GaussianBlur(FIELD, (0, 0), 4.0)), {}))["trusted"] == 0.0


def test_a_plane_too_small_for_a_score_is_refused_with_the_remedy() -> None:
    with pytest.raises(ModelError, match="widen the ROI"):
        Quality(QualitySettings()).process(frame(np.zeros((2, 50), np.uint16)), {})
