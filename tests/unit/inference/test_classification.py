"""A classifier judges the objects of an image in one call, and says when it is unsure."""

from collections.abc import Callable

import numpy as np
import pytest

from stentor.core.errors import ModelError
from stentor.inference.classification import UNSURE, ClassificationModel
from stentor.inference.model import load_as, load_model
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.inference.verify import verify_model


def coloured_cells(count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells of 6 x 6 px side by side in pairs; odd labels are red, even ones green. Returns image and labels."""
    labels = np.zeros((64, 40 * count), np.int32)
    for index in range(count):
        labels[30:36, 40 * (index // 2) + 20 + 6 * (index % 2) :][:, :6] = index + 1
    image = np.full((2, *labels.shape), 500, np.uint16)
    image[0][labels % 2 == 1] = 2500
    image[1][(labels > 0) & (labels % 2 == 0)] = 2500
    return image, labels


def model(brighter_of_two: Callable[..., ModelFolder], **card: float) -> ClassificationModel:
    return load_as(ClassificationModel, str(brighter_of_two(**card).path), InferenceSettings(device="cpu"))


@pytest.mark.parametrize("count", [0, 1, 30, 300])
def test_every_object_is_judged_by_its_own_pixels_though_they_touch(
    brighter_of_two: Callable[..., ModelFolder], count: int
) -> None:
    image, labels = coloured_cells(count or 1)

    objects = model(brighter_of_two)(image, labels=labels if count else np.zeros_like(labels)).objects

    assert objects["class"].tolist() == [(label - 1) % 2 for label in range(1, count + 1)]
    assert objects["label"].tolist() == list(range(1, count + 1))
    assert list(objects.columns)[-4:] == ["class", "probability", "p_red", "p_green"]
    np.testing.assert_allclose(objects["p_red"] + objects["p_green"], 1.0, rtol=1e-5)


def test_below_the_cards_probability_it_is_unsure(brighter_of_two: Callable[..., ModelFolder]) -> None:
    image, labels = coloured_cells()

    objects = model(brighter_of_two, unsure_below=0.9999999)(image, labels=labels).objects

    assert (objects["class"] == UNSURE).all()
    assert (objects["probability"] > 0.9).all()


def test_an_image_without_labels_is_one_object(brighter_of_two: Callable[..., ModelFolder]) -> None:
    image, _ = coloured_cells(2)

    objects = model(brighter_of_two)(np.ascontiguousarray(image[:, 21:44, 11:35])).objects

    assert len(objects) == 1
    assert objects["class"][0] == 0


def test_larger_pixels_are_brought_to_the_size_of_the_training(brighter_of_two: Callable[..., ModelFolder]) -> None:
    image, labels = coloured_cells()
    fine = np.repeat(np.repeat(image, 2, axis=1), 2, axis=2)
    fine_labels = np.repeat(np.repeat(labels, 2, axis=0), 2, axis=1)

    judged = model(brighter_of_two)(fine, 0.25, labels=fine_labels).objects

    assert judged["class"].tolist() == [(label - 1) % 2 for label in range(1, 31)]


def test_one_plane_for_two_channels_is_refused(brighter_of_two: Callable[..., ModelFolder]) -> None:
    image, labels = coloured_cells()

    with pytest.raises(ModelError, match=r"2 planes \(red, green\)"):
        model(brighter_of_two)(image[0], labels=labels)


@pytest.mark.parametrize(("error", "is_well"), [(0.0, True), (0.01, False)])
def test_verify_compares_probabilities(
    brighter_of_two: Callable[..., ModelFolder], error: float, is_well: bool
) -> None:
    folder = brighter_of_two()
    crops = np.random.default_rng(1).integers(0, 3000, (5, 2, 16, 16)).astype(np.uint16)
    judged = [load_model(str(folder.path), device="cpu")(crop).objects for crop in crops]
    np.save(folder.path / "input.npy", crops)
    np.save(folder.path / "expected.npy", [[row["p_red"][0] + error, row["p_green"][0]] for row in judged])

    assert verify_model(str(folder.path), "cpu").is_well is is_well
