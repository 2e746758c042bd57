"""The shipped model finds drawn nuclei in planes of any size and type, on the image's own grid."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.inference.model import load_as
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.settings import InferenceSettings, Rescale
from stentor.inference.verify import verify_model

CENTRES = [(35 + 60 * row, 35 + 60 * column) for row in range(3) for column in range(4)]


def nuclei_image(scale: float = 1.0) -> NDArray[np.uint16]:
    """Draw twelve soft discs of 26 px times `scale` on a noisy background."""
    rng = np.random.default_rng(5)
    shape = (round(190 * scale), round(250 * scale))
    light = np.zeros(shape, np.float32)
    for y, x in CENTRES:
        cv2.circle(light, (round(x * scale), round(y * scale)), round(13 * scale), 1.0, -1)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 1.0))
    return (100 + rng.poisson(40 + 900 * light)).astype(np.uint16)


@pytest.fixture(scope="module")
def model() -> SegmentationModel:
    return load_as(SegmentationModel, "nuclei", InferenceSettings(device="cpu"))


def model_that(rescale: Rescale) -> SegmentationModel:
    return load_as(SegmentationModel, "nuclei", InferenceSettings(device="cpu", rescale=rescale))


def test_twelve_nuclei_in_twelve_found_where_they_are(model: SegmentationModel) -> None:
    found = model(nuclei_image())

    assert len(found.objects) == found.labels.max() == 12
    for y, x in CENTRES:
        nearest = np.hypot(found.objects["y_px"] - y, found.objects["x_px"] - x).min()
        assert nearest < 1.5


def test_an_empty_field_holds_nothing_much(model: SegmentationModel) -> None:
    image = (100 + np.random.default_rng(0).poisson(40, (200, 200))).astype(np.uint16)

    assert len(model(image).objects) <= 1


@pytest.mark.parametrize("shape", [(16, 16), (17, 250), (100, 33), (65, 64), (190, 16)])
def test_labels_have_the_shape_of_the_image_whatever_it_is(model: SegmentationModel, shape: tuple[int, int]) -> None:
    found = model(np.ascontiguousarray(nuclei_image()[: shape[0], : shape[1]]))

    assert found.labels.shape == shape
    assert found.labels.dtype == np.int32


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_other_pixel_types_show_the_same_nuclei(model: SegmentationModel, dtype: str) -> None:
    image = nuclei_image()

    assert len(model((image / 8).astype(dtype)).objects) == 12


@pytest.mark.parametrize("scale", [0.5, 2.5])
def test_nuclei_of_other_sizes_are_found_on_the_original_grid(model: SegmentationModel, scale: float) -> None:
    found = model(nuclei_image(scale))

    assert len(found.objects) == 12
    nearest = np.hypot(found.objects["y_px"] - 35 * scale, found.objects["x_px"] - 35 * scale).min()
    assert nearest < 1.5 * scale
    assert np.median(found.objects["area_px"]) == pytest.approx(np.pi * (13 * scale) ** 2, rel=0.2)


def test_after_the_first_frames_the_live_path_is_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = model_that("live")
    image = nuclei_image(2.0)
    for _ in range(4):
        subject(image)
    passes: list[float] = []
    one_pass = subject._pass
    monkeypatch.setattr(subject, "_pass", lambda plane, scale: passes.append(scale) or one_pass(plane, scale))

    found = subject(image)

    assert len(passes) == 1
    assert len(found.objects) == 12
    nuclei_px = float(np.sqrt(4 * np.median(found.objects["area_px"]) / np.pi))
    assert passes[0] * nuclei_px == pytest.approx(subject.card.object_diameter_px, rel=0.02), "not merely near enough"


def test_one_picture_in_three_pixel_types_gives_the_same_labels_at_an_odd_size(model: SegmentationModel) -> None:
    image = (nuclei_image()[:100, :131] / 8).astype(np.uint8)

    first, *others = (model(image.astype(dtype)).labels for dtype in ("uint8", "uint16", "float32"))

    assert first.shape == (100, 131)
    assert first.max() >= 4
    for labels in others:
        assert labels.max() == first.max()
        # A float image is ranked by interpolation between two counts, an integer one by the count itself.
        assert np.mean(labels != first) < 0.002


def test_colour_is_refused_with_its_remedy(model: SegmentationModel) -> None:
    with pytest.raises(ModelError, match="choose a channel"):
        model(np.zeros((64, 64, 3), np.uint8))


def test_the_shipped_model_does_here_what_it_did_when_it_was_made() -> None:
    outcome = verify_model("nuclei", "cpu")

    assert outcome.is_well, outcome
    assert outcome.found > 10
