"""Replay header: numbers and names of axes become indices, and what is known gives the way to the stage."""

from typing import Any

import numpy as np
import pytest

from stentor.core.frame import FrameHeader, FrameId, StagePosition
from stentor.scope.replay.header import ReplayHeaderMaker
from stentor.scope.replay.recording import Facts, RecordedImage
from stentor.scope.replay.settings import ReplaySettings

PIXELS = np.zeros((20, 30), np.uint16)
PLACED = StagePosition(100.0, 50.0, None, origin="read-back")


def make(maker: ReplayHeaderMaker, axes: dict[str, int | str], **facts: Any) -> FrameHeader:
    image = RecordedImage("image", axes, lambda: PIXELS, None, Facts(**facts))
    return maker.make(image, PIXELS, FrameId("camera", "run", 7), 123)


def maker(**settings: Any) -> ReplayHeaderMaker:
    return ReplayHeaderMaker(ReplaySettings(**settings), clock_id="clock")


@pytest.mark.parametrize(
    ("axes", "tczp"),
    [
        ({"time": 3, "channel": 1, "z": 2, "position": 5}, (3, 1, 2, 5)),
        ({"T": 3, "C": 1, "Z": 2}, (3, 1, 2, None)),
        ({"position": 5, "name": "B02.png"}, (None, None, None, 5)),
        ({"row": 2, "column": 3}, (None, None, None, None)),
        ({}, (None, None, None, None)),
    ],
)
def test_axes_are_kept_as_written_and_their_numbers_become_indices(
    axes: dict[str, int | str], tczp: tuple[int | None, ...]
) -> None:
    header = make(maker(), axes)

    assert header.axes == axes
    assert (header.t, header.c, header.z, header.p) == tczp
    assert (header.sequence, header.shape_yx, header.dtype) == (7, (20, 30), "uint16")
    assert (header.received_ns, header.clock_id) == (123, "clock")


def test_names_become_the_order_of_their_first_appearance() -> None:
    headers = maker()
    seen: list[dict[str, int | str]] = [
        {"position": "Pos2", "channel": "Cy5"},
        {"position": "Pos0", "channel": "DAPI"},
        {"position": "Pos2", "channel": "DAPI"},
    ]

    made = [make(headers, axes) for axes in seen]

    assert [(header.p, header.c, header.channel) for header in made] == [(0, 0, "Cy5"), (1, 1, "DAPI"), (0, 1, "DAPI")]


def test_a_skipped_image_keeps_the_indices_of_those_after_it() -> None:
    headers = maker()
    headers.indices({"position": "Pos2"})

    assert make(headers, {"position": "Pos0"}).p == 1


def test_what_is_recorded_is_in_the_header() -> None:
    header = make(
        maker(), {"C": 0}, channel="DAPI", exposure_ms=5.0, camera="Left", bit_depth=12, binning=2, stage=PLACED
    )

    assert (header.channel, header.exposure_ms, header.camera, header.bit_depth, header.binning) == (
        "DAPI", 5.0, "Left", 12, 2,
    )  # fmt: skip
    assert header.stage == PLACED and header.pixel_to_stage is None and header.pixel_size_um is None


def test_the_recorded_affine_places_the_centre_of_the_image_at_the_stage() -> None:
    affine = (0.0, 0.5, 0.0, -0.5, 0.0, 0.0)

    header = make(maker(), {}, pixel_size_um=0.5, affine=affine, stage=PLACED)

    assert header.pixel_to_stage is not None and header.pixel_size_um == 0.5
    y_um, x_um = header.pixel_to_stage.locate(np.array([9.5]), np.array([14.5]))
    assert (float(x_um[0]), float(y_um[0])) == (100.0, 50.0)
    y_um, x_um = header.pixel_to_stage.locate(np.array([9.5]), np.array([15.5]))
    assert (float(x_um[0]), float(y_um[0])) == (100.0, 49.5)


def test_a_pixel_size_alone_is_known_and_places_nothing() -> None:
    header = make(maker(pixel_size_um=0.65), {})

    assert header.pixel_size_um == 0.65 and header.pixel_to_stage is None


def test_the_pixel_size_of_the_settings_wins_over_the_recorded_one() -> None:
    header = make(maker(pixel_size_um=2.0), {}, pixel_size_um=0.5, affine=(0.5, 0.0, 0.0, 0.0, 0.5, 0.0), stage=PLACED)

    assert header.pixel_size_um == 2.0
    assert header.pixel_to_stage is not None and header.pixel_to_stage.pixel_size_um == 2.0
