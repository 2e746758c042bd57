"""Shapes: frames that change their size, region of interest, binning and pixel type in mid-run, and two cameras."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import stentor
from stentor.core.frame import FrameHeader
from stentor.core.stage import FrameSpec
from stentor.wire import rendezvous
from stentor.wire.platforms import system_clock
from stentor.wire.producer import FrameProducer

TAP = """
[rig]
kind = "tap"
"""
SHAPES = [(512, 512), (300, 411), (512, 512), (96, 96), (601, 800), (64, 1000), (256, 256)]
KINDS = {"uint8": 200, "uint16": 40_000, "float32": 1.0}


def discs(shape: tuple[int, int], dtype: str) -> NDArray[Any]:
    """Discs of 26 px on a grid of 48, with noise, over most of the type's range."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    inside = np.hypot(y % 48 - 24, x % 48 - 24) - 13
    light = 0.1 + 0.8 / (1 + np.exp(np.clip(inside, -30, 30)))
    noisy = np.clip(light + np.random.default_rng(1).normal(0, 0.01, shape), 0, 1)
    return (noisy * KINDS[dtype]).astype(dtype)


class Microscope:
    """Frames of any kind into a running daemon, one at a time."""

    def __init__(self) -> None:
        self.clock = system_clock()
        self.producer = FrameProducer(
            rendezvous.DEFAULT_NAME, "camera", source="test", spec=FrameSpec((512, 512)), clock=self.clock
        )
        assert self.producer.ready.wait(60)
        self.run = self.producer.begin_run()

    def show(self, pixels: NDArray[Any], **header: Any) -> None:
        frame_id = self.producer.next_id()
        made = FrameHeader(
            frame_id=frame_id, shape_yx=pixels.shape, dtype=pixels.dtype.name, clock_id=self.clock.clock_id,
            received_ns=self.clock.monotonic_ns(), pixel_size_um=0.65, **header,
        )  # fmt: skip
        self.producer.hand_over(made, pixels)


@pytest.fixture
def microscope(rig: Any) -> Iterator[Microscope]:
    process = rig.start(TAP)
    made = Microscope()
    yield made
    made.producer.close(2.0)
    process.terminate()
    summary = rig.finish(process, 20)
    outcomes = summary["outcomes"]
    assert outcomes["seen"] == sum(list(outcomes.values())[1:])
    assert rig.leftovers() == []


def test_every_size_and_pixel_type_of_one_run_is_analysed(microscope: Microscope) -> None:
    with stentor.Listener(images=("labels",)) as listener:
        assert listener.wait_until_registered(10)
        for dtype in KINDS:
            for shape in SHAPES:
                microscope.show(discs(shape, dtype))
                result = listener.receive(30.0)

                assert result is not None and result.frame.shape_yx == shape and result.frame.dtype == dtype
                assert result.labels is not None and result.labels.shape == shape
                whole = (shape[0] // 48) * (shape[1] // 48)
                assert len(result.objects) >= 0.9 * whole, (dtype, shape)


def test_bit_depths_from_8_to_16_give_the_same_nuclei(microscope: Microscope) -> None:
    with stentor.Listener() as listener:
        assert listener.wait_until_registered(10)
        counts = []
        for bits in (8, 10, 12, 14, 16):
            pixels = (discs((512, 512), "float32") * (2**bits - 1)).astype("uint8" if bits == 8 else "uint16")
            microscope.show(pixels, bit_depth=bits)
            result = listener.receive(30.0)
            assert result is not None and result.frame.bit_depth == bits
            counts.append(len(result.objects))

    assert max(counts) - min(counts) <= 2 and min(counts) >= 100


def test_two_cameras_in_one_stream_supersede_only_themselves(microscope: Microscope, rig: Any) -> None:
    with stentor.Listener(name="saver", delivery="record") as listener:
        assert listener.wait_until_registered(10)
        microscope.show(discs((512, 512), "uint16"))  # keeps the pipeline busy while the others wait
        for number in range(7):  # 15 frames: a producer keeps 16 while it cannot send
            for camera in ("Left", "Right"):
                microscope.show(discs((96, 96), "uint16"), camera=camera, camera_number=number)
        newest = {}
        while newest != {None: None, "Left": 6, "Right": 6}:
            result = listener.receive(30.0)
            assert result is not None, newest
            newest[result.frame.camera] = result.frame.camera_number

    def whole() -> bool:
        runs = rig.ledger().runs()
        return bool(runs and runs[0].counts.seen == 15 and runs[0].missing_camera_frames == 0)

    assert rig.wait_for(whole)


def test_a_camera_that_skips_numbers_leaves_a_hole_that_is_no_frame(microscope: Microscope, rig: Any) -> None:
    with stentor.Listener() as listener:
        assert listener.wait_until_registered(10)
        for number in (0, 1, 5, 6):
            microscope.show(discs((96, 96), "uint16"), camera="Left", camera_number=number)
            assert listener.receive(30.0) is not None

    def hole() -> bool:
        runs = rig.ledger().runs()
        return bool(runs and runs[0].missing_camera_frames == 3 and runs[0].counts.seen == 4)

    assert rig.wait_for(hole)


def test_pixels_that_are_no_numbers_fail_their_frame_and_no_other(microscope: Microscope, rig: Any) -> None:
    bad = discs((96, 96), "float32")
    bad[3, 3] = np.nan
    with stentor.Listener() as listener:
        assert listener.wait_until_registered(10)
        microscope.show(bad)
        rig.wait_for(lambda: (status := rig.status()) is not None and status.outcomes.failed == 1)
        microscope.show(discs((96, 96), "float32"))
        result = listener.receive(30.0)

    assert result is not None and result.frame.sequence == 1
    rig.wait_for(lambda: any("mask it (numpy.nan_to_num)" in reason for reason in rig.ledger().reasons()))
