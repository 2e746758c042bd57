"""The stages classify and predict show a model the channels that it wants."""

from collections.abc import Callable

import numpy as np
import pytest
from msgspec import structs

from stentor.core.errors import ConfigError, ModelError
from stentor.core.finding import Image, Labels, Objects
from stentor.core.frame import Frame, FrameHeader, FrameId, Plane
from stentor.core.stage import FrameSpec
from stentor.inference.measure import measure
from stentor.inference.repository import ModelFolder
from stentor_plugins.classify import Classify, ClassifySettings
from stentor_plugins.predict import Predict, PredictSettings

CHANNELS = ("Cy3", "FITC")


def gathered() -> tuple[Frame, Labels]:
    """Two cells, the left one bright in Cy3, the right one in FITC."""
    labels = np.zeros((40, 80), np.int32)
    labels[16:24, 16:24], labels[16:24, 56:64] = 1, 2
    planes = []
    for sequence, channel in enumerate(CHANNELS):
        pixels = np.where(labels == sequence + 1, 2500, 500).astype(np.uint16)
        header = FrameHeader(
            frame_id=FrameId("cam", "0" * 32, sequence), shape_yx=pixels.shape, dtype="uint16", received_ns=0,
            clock_id="test", channel=channel,
        )  # fmt: skip
        planes.append(Plane(header, pixels))
    return Frame(planes[0].header, planes[0].pixels, tuple(planes)), Labels(labels)


def test_objects_are_judged_by_the_channels_named(brighter_of_two: Callable[..., ModelFolder]) -> None:
    frame, labels = gathered()
    stage = Classify(ClassifySettings(model=str(brighter_of_two().path), channels=CHANNELS, prefix="stain_"))
    stage.prepare(FrameSpec((40, 80)))

    objects = stage.process(frame, {"labels": labels, "objects": measure(labels.labels_yx, frame.pixels)})["objects"]

    assert isinstance(objects, Objects)
    assert objects["stain_class"].tolist() == [0, 1]
    assert {"label", "area_px", "stain_probability", "stain_p_red", "stain_p_green"} < set(objects.columns)
    assert set(objects.columns) - set(measure(labels.labels_yx, frame.pixels).columns) == set(stage.columns)
    assert stage.model is not None and stage.model.name == "tiny@1"
    stage.close()


def test_a_frame_without_objects_is_no_error(brighter_of_two: Callable[..., ModelFolder]) -> None:
    frame, labels = gathered()
    stage = Classify(ClassifySettings(model=str(brighter_of_two().path), channels=CHANNELS))
    nothing = Labels(np.zeros_like(labels.labels_yx))

    objects = stage.process(frame, {"labels": nothing, "objects": measure(nothing.labels_yx, frame.pixels)})["objects"]

    assert isinstance(objects, Objects)
    assert len(objects) == 0 and "class" in objects


def test_an_image_is_computed_from_the_channels_named(halving: Callable[..., ModelFolder]) -> None:
    frame, _ = gathered()
    stage = Predict(PredictSettings(model=str(halving().path), channels=CHANNELS))
    stage.prepare(FrameSpec((40, 80)))

    predicted = stage.process(frame, {})["predicted"]

    assert isinstance(predicted, Image)
    assert predicted.unit == "counts"
    np.testing.assert_allclose(predicted.pixels_yx, 500 + (frame.pixels - 500.0) / 2)
    assert stage.model is not None
    stage.close()


def test_channels_of_different_shapes_are_refused(halving: Callable[..., ModelFolder]) -> None:
    frame, _ = gathered()
    first, second = frame.planes
    shorter = Plane(structs.replace(second.header, shape_yx=(30, 80)), second.pixels[:30])
    stage = Predict(PredictSettings(model=str(halving().path), channels=CHANNELS))

    with pytest.raises(ModelError, match="differ in shape"):
        stage.process(Frame(frame.header, frame.pixels, (first, shorter)), {})


@pytest.mark.parametrize("channels", [(), ("Cy3",)])
def test_too_few_channels_are_refused_before_the_first_frame(
    channels: tuple[str, ...], brighter_of_two: Callable[..., ModelFolder]
) -> None:
    with pytest.raises(ConfigError, match=r"wants 2 channels \(red, green\).*`channels`"):
        Classify(ClassifySettings(model=str(brighter_of_two().path), channels=channels))
