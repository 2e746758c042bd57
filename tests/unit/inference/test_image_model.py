"""An image-to-image model gives an image of its input's size, in counts where it restores."""

from collections.abc import Callable

import numpy as np
import pytest

from stentor.core.errors import ModelError
from stentor.inference.image_to_image import ImageModel
from stentor.inference.model import load_as, load_model
from stentor.inference.repository import ModelFolder
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.settings import InferenceSettings
from stentor.inference.verify import verify_model

CPU = InferenceSettings(device="cpu")


def two_planes(shape: tuple[int, int] = (33, 50)) -> np.ndarray:
    return np.random.default_rng(1).integers(100, 900, (2, *shape), dtype=np.uint16)


def test_a_restored_image_is_in_the_counts_of_its_channel(halving: Callable[..., ModelFolder]) -> None:
    image = two_planes()
    model = load_as(ImageModel, str(halving().path), CPU)

    restored = model(image).image

    darkest = float(image[0].min())
    np.testing.assert_allclose(restored, darkest + (image[0] - darkest) / 2, atol=0.1)
    assert restored.dtype == np.float32


def test_a_stain_is_given_as_the_network_gives_it(halving: Callable[..., ModelFolder]) -> None:
    image = two_planes()
    model = load_as(ImageModel, str(halving(restores=False).path), CPU)

    stain = model(image).image

    assert 0.0 <= stain.min() < stain.max() == pytest.approx(0.5)


def test_tiles_make_no_seam(halving: Callable[..., ModelFolder]) -> None:
    image = two_planes((200, 300))
    folder = str(halving().path)

    tiled = load_as(ImageModel, folder, InferenceSettings(device="cpu", tile_px=64))(image).image

    np.testing.assert_allclose(tiled, load_as(ImageModel, folder, CPU)(image).image)


def test_a_missing_channel_is_refused_with_the_names_of_those_wanted(halving: Callable[..., ModelFolder]) -> None:
    model = load_model(str(halving().path), device="cpu")

    with pytest.raises(ModelError, match=r"wants 2 planes \(low light, other\)"):
        model(two_planes()[0])


def test_asking_it_for_objects_says_what_it_gives(halving: Callable[..., ModelFolder]) -> None:
    found = load_model(str(halving().path), device="cpu")(two_planes())

    with pytest.raises(AttributeError, match="gives image, no objects"):
        _ = found.objects


def test_a_stage_that_wants_another_kind_of_model_is_told_so(halving: Callable[..., ModelFolder]) -> None:
    with pytest.raises(ModelError, match=r"tiny@1 is a model for image-to-image.*instance-segmentation is wanted"):
        load_as(SegmentationModel, str(halving().path), CPU)


@pytest.mark.parametrize(("error", "is_well"), [(0.0, True), (0.01, False)])
def test_verify_compares_images_over_their_range(
    halving: Callable[..., ModelFolder], error: float, is_well: bool
) -> None:
    folder = halving()
    image = two_planes()
    expected = load_model(str(folder.path), device="cpu")(image).image
    expected[3, 4] += error * np.ptp(expected)
    np.save(folder.path / "input.npy", image)
    np.save(folder.path / "expected.npy", expected)

    assert verify_model(str(folder.path), "cpu").is_well is is_well
