"""The built-in stages, walked as the pipeline walks them: normalise, segment, measure."""

from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import structs

from stentor.core.errors import ConfigError, ModelError, StageError
from stentor.core.finding import Events, Findings, Image, Labels, Objects
from stentor.core.frame import Frame, FrameHeader, FrameId, PixelToStage, Plane
from stentor.core.stage import FrameSpec
from stentor.pipeline.plan import build_plan
from stentor.tracking.settings import TrackerSettings
from stentor_plugins.measure import Measure, MeasureSettings
from stentor_plugins.normalise import Normalise, NormaliseSettings
from stentor_plugins.segment import Segment, SegmentSettings
from stentor_plugins.track import Track

AFFINE = PixelToStage(xx=0.5, xy=0.0, x0=1000.0, yx=0.0, yy=0.5, y0=-200.0)


def frame_of_discs(pixel_to_stage: PixelToStage | None = None, pixel_size_um: float | None = None) -> Frame:
    """Six soft discs of 26 px on a noisy background."""
    y, x = np.mgrid[:130, :190].astype(np.float32)
    light = sum(
        1 / (1 + np.exp(np.hypot(y - centre_y, x - centre_x) - 13))
        for centre_y in (35, 95)
        for centre_x in (35, 95, 155)
    )
    pixels = (100 + np.random.default_rng(2).poisson(40 + 900 * light)).astype(np.uint16)
    pixels.flags.writeable = False
    header = FrameHeader(
        frame_id=FrameId("cam", "0" * 32, 0), shape_yx=pixels.shape, dtype="uint16", received_ns=0, clock_id="test",
        pixel_to_stage=pixel_to_stage, pixel_size_um=pixel_size_um,
    )  # fmt: skip
    return Frame(header, pixels)


def walk(frame: Frame) -> Findings:
    found: Findings = {}
    for stage in (Normalise(NormaliseSettings()), Segment(SegmentSettings(device="cpu")), Measure(MeasureSettings())):
        stage.prepare(FrameSpec(frame.pixels.shape, "uint16", frame.header.pixel_size_um))
        found = {**found, **stage.process(frame, found)}
        stage.close()
    return found


def test_six_nuclei_in_six_rows_out() -> None:
    found = walk(frame_of_discs())

    assert isinstance(found["labels"], Labels)
    assert isinstance(found["objects"], Objects)
    assert len(found["objects"]) == 6


def test_an_uncalibrated_microscope_yields_no_micrometres() -> None:
    objects = walk(frame_of_discs())["objects"]

    assert isinstance(objects, Objects)
    assert not {"y_um", "x_um", "area_um2"} & set(objects.columns)


def test_a_calibrated_microscope_places_objects_on_the_stage() -> None:
    objects = walk(frame_of_discs(AFFINE, 0.5))["objects"]

    assert isinstance(objects, Objects)
    np.testing.assert_allclose(objects["x_um"], 1000 + 0.5 * objects["x_px"])
    np.testing.assert_allclose(objects["y_um"], -200 + 0.5 * objects["y_px"])
    np.testing.assert_allclose(objects["area_um2"], 0.25 * objects["area_px"])


def test_a_known_pixel_size_measures_areas_even_where_nothing_can_be_placed() -> None:
    objects = walk(frame_of_discs(pixel_size_um=0.5))["objects"]

    assert isinstance(objects, Objects)
    np.testing.assert_allclose(objects["area_um2"], 0.25 * objects["area_px"])
    assert "x_um" not in objects


def gathered(*planes: Frame) -> Frame:
    """A group of single frames, as channels A, B, ..."""
    named = tuple(
        Plane(msgspec.structs.replace(one.header, channel=chr(65 + c)), one.pixels) for c, one in enumerate(planes)
    )
    return Frame(named[0].header, named[0].pixels, named)


def test_objects_of_one_channel_are_measured_in_the_others() -> None:
    frame = gathered(frame_of_discs(), Frame(frame_of_discs().header, np.full((130, 190), 7, np.uint16)))
    labels = Labels(np.kron(np.eye(2, dtype=np.int32), np.ones((65, 95), np.int32)))

    objects = Measure(MeasureSettings(channels=("B",))).process(frame, {"labels": labels})["objects"]

    assert isinstance(objects, Objects)
    assert objects["mean_intensity_B"].tolist() == [7.0]
    assert objects["mean_intensity"].tolist() != [7.0]


def test_the_channel_to_segment_can_be_chosen() -> None:
    flat = Frame(frame_of_discs().header, np.full((130, 190), 7, np.uint16))

    found = Normalise(NormaliseSettings(channel="B")).process(gathered(flat, frame_of_discs()), {})

    alone = Normalise(NormaliseSettings()).process(frame_of_discs(), {})
    assert isinstance(found["normalised"], Image) and isinstance(alone["normalised"], Image)
    np.testing.assert_array_equal(found["normalised"].pixels_yx, alone["normalised"].pixels_yx)


def test_a_plane_normalised_otherwise_than_the_model_wants_is_refused() -> None:
    frame = frame_of_discs()
    stage = Segment(SegmentSettings(device="cpu"))

    with pytest.raises(StageError, match="low_percent = 1"):
        stage.process(frame, {"normalised": Image(np.zeros((130, 190), np.float32), "percentiles 5..95")})


def test_the_segmenting_stage_names_its_model_and_provider() -> None:
    identity = Segment(SegmentSettings(device="cpu")).model

    assert identity is not None
    assert (identity.name, identity.provider) == ("nuclei@3", "CPUExecutionProvider")


def test_a_model_that_does_not_exist_is_refused_when_the_stage_is_built() -> None:
    with pytest.raises(ModelError, match="no model 'mitochondria'"):
        Segment(SegmentSettings(model="mitochondria"))


def test_a_tracked_frame_keeps_its_numbers_and_says_what_is_new() -> None:
    track = Track(TrackerSettings())
    frame = frame_of_discs()
    found = walk(frame)
    first = track.process(frame, found)
    later = Frame(structs.replace(frame.header, frame_id=FrameId("cam", "0" * 32, 1)), frame.pixels)
    objects = found["objects"]
    assert isinstance(objects, Objects)
    fewer = Objects({name: column[1:] for name, column in objects.columns.items()})

    tracked = track.process(later, {**found, "objects": fewer})["objects"]

    assert isinstance(first["track_events"], Events)
    assert first["track_events"].events == ()
    assert isinstance(tracked, Objects)
    assert tracked["track_id"].tolist() == [2, 3, 4, 5, 6]
    assert tracked["age_frames"].tolist() == [1] * 5
    assert {"label", "y_px", "area_px"} < set(tracked.columns)


def test_what_the_tracker_says_is_an_event_for_programs_too() -> None:
    track = Track(TrackerSettings(memory_frames=0))
    frame = frame_of_discs()
    found = walk(frame)
    track.process(frame, found)
    nothing = {"labels": Labels(np.zeros((130, 190), np.int32)), "objects": Objects({})}
    objects = found["objects"]
    assert isinstance(objects, Objects)
    nothing["objects"] = Objects({name: column[:0] for name, column in objects.columns.items()})

    events = track.process(frame, nothing)["track_events"]

    assert isinstance(events, Events)
    assert [(event.kind, event.data) for event in events.events] == [
        ("loss", {"track_id": number, "frames_ago": 1}) for number in range(1, 7)
    ]


def test_a_wrong_word_of_a_stage_is_said_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"plan\[0\] \(segment\).*'cud'.*did you mean 'cuda'\?; its settings are"):
        build_plan([{"stage": "segment", "device": "cud"}])


def test_stages_give_the_columns_that_they_say() -> None:
    frame = gathered(frame_of_discs(), Frame(frame_of_discs().header, np.full((130, 190), 7, np.uint16)))
    affine = PixelToStage(0.5, 0.0, 0.0, 0.0, 0.5, 0.0)
    frame = Frame(structs.replace(frame.header, pixel_to_stage=affine, pixel_size_um=0.5), frame.pixels, frame.planes)
    measure, track = Measure(MeasureSettings(channels=("B",))), Track(TrackerSettings())
    found: dict[str, Any] = {"labels": Labels(np.kron(np.eye(2, dtype=np.int32), np.ones((65, 95), np.int32)))}

    found |= measure.process(frame, found)
    measured = set(found["objects"].columns)
    found |= track.process(frame, found)

    assert measured == set(measure.columns)
    assert set(found["objects"].columns) == {*measure.columns, *track.columns}
