"""The split keeps a field on one side, is the same everywhere, and has the promised shares."""

import cv2
import numpy as np

from stentor.train.split import Part, group_by_seams, part_of


def smooth_field(seed: int, size: int = 128) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((size, size)).astype(np.float32)
    blurred = np.asarray(cv2.GaussianBlur(noise, (0, 0), 6.0))
    return (128 + 60 * blurred / blurred.std()).clip(0, 255).astype(np.uint8)


def test_crops_of_one_field_stay_together() -> None:
    field = smooth_field(1)
    crops = {"a": field[:64, :64], "b": field[:64, 64:], "c": field[64:, 64:], "other": smooth_field(2, 64)}

    fields = group_by_seams(list(crops), list(crops.values()))

    assert fields["a"] == fields["b"] == fields["c"] == "a"
    assert fields["other"] == "other"


def test_dark_edges_prove_nothing() -> None:
    dark = [np.zeros((32, 32), np.uint8), np.ones((32, 32), np.uint8)]

    assert group_by_seams(["a", "b"], dark) == {"a": "a", "b": "b"}


def test_shares_of_many_fields_are_about_those_promised() -> None:
    sides = [part_of(f"field {number}") for number in range(4000)]

    assert abs(sides.count(Part.TRAIN) / 4000 - 0.75) < 0.03
    assert abs(sides.count(Part.VALIDATION) / 4000 - 0.15) < 0.03


def test_a_field_is_on_the_same_side_on_every_machine() -> None:
    assert [str(part_of(name)) for name in ("IXMtest_A18", "0ddd8deaf169", "x")] == ["test", "test", "train"]
