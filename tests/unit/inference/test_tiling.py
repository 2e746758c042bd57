"""Tiling: every pixel answered once, far enough from the edge of its tile, and no seam to be seen."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stentor.core.errors import ModelError
from stentor.inference.model import load_model
from stentor.inference.settings import InferenceSettings
from stentor.inference.tiling import spans


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 100), st.sampled_from([1, 8, 32]))
def test_every_pixel_is_answered_once_and_a_halo_away_from_the_edge(
    length: int, tile: int, halo: int, multiple: int
) -> None:
    length, tile = length * multiple, tile * multiple
    assume((tile - 2 * halo) // multiple >= 1)

    cut = spans(length, tile, halo, multiple)

    assert [pixel for span in cut for pixel in range(span.first, span.last)] == list(range(length))
    for span in cut:
        assert span.start % multiple == 0 and span.stop <= length
        assert span.stop - span.start == min(tile, length)
        assert span.first - span.start >= halo or span.first == 0
        assert span.stop - span.last >= halo or span.last == length


def test_a_tile_without_room_between_its_halos_is_refused_with_the_remedy() -> None:
    with pytest.raises(ModelError, match="set tile_px to 480 or more"):
        spans(2048, 448, 224, 32)


def nuclei(height: int, width: int) -> np.ndarray:
    """Soft discs of about 26 px on a grid that no tile border respects."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    inside = np.hypot((y % 37) - 18, (x % 41) - 20) - 12 - 2 * np.sin(x / 53 + y / 71)
    light = 1 / (1 + np.exp(np.clip(inside, -30, 30)))
    return np.random.default_rng(5).poisson(140 + 900 * light).astype(np.uint16)


@pytest.mark.parametrize("shape", [(1000, 1300), (480, 1700)])
def test_seams_are_invisible_against_one_large_pass(shape: tuple[int, int]) -> None:
    image = nuclei(*shape)
    whole = load_model("nuclei", settings=InferenceSettings(device="cpu", rescale="never", tile_px=4096))
    tiled = load_model("nuclei", settings=InferenceSettings(device="cpu", rescale="never", tile_px=640))

    one, many = whole(image), tiled(image)

    assert len(one.objects) > 500
    # The same arithmetic in tiles of another shape rounds in another order.
    assert np.mean(one.labels != many.labels) < 1e-5
    assert len(one.objects) == len(many.objects)


def test_a_tile_that_cuts_the_halo_short_would_be_seen() -> None:
    image = nuclei(480, 1700)
    settings = InferenceSettings(device="cpu", rescale="never", tile_px=640)
    honest, hasty = load_model("nuclei", settings=settings), load_model("nuclei", settings=settings)
    hasty.card = type(hasty.card)(**{f: getattr(hasty.card, f) for f in hasty.card.__struct_fields__} | {"halo_px": 0})

    assert np.mean(honest(image).labels != hasty(image).labels) > 1e-3
