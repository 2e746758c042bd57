"""Post-processors on the maps of a trained network, which are neither ideal nor noise."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from stentor.inference.normalise import compress, normalise
from stentor.inference.postprocess import post_processor
from stentor.train.accuracy import average_precision, matches
from stentor.train.synthetic import SyntheticField, draw_field

DATA = Path(__file__).resolve().parents[2] / "data"
SEEDS = (1, 2, 3)
FAMILIES = {
    "distance-watershed": ([0, 4], {"distance_channel": 1}),
    "centre-offset-voting": ([0, 1, 2, 3], {"foreground": 0.5}),
    "stardist-polygons": ([7, *range(8, 40)], {}),
    "cellpose-flows": ([5, 6, 0], {}),
}
"""Channels of the network in the order of each post-processor, and its parameters, as in bench_families.py."""


@pytest.fixture(scope="module")
def fields() -> list[SyntheticField]:
    return [draw_field((512, 512), 40, touching=25, seed=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def maps(fields: list[SyntheticField]) -> list[NDArray[np.float32]]:
    session = ort.InferenceSession(str(DATA / "families.onnx"), providers=["CPUExecutionProvider"])
    images = [compress(normalise(field.image_yx, 1.0, 99.8)) for field in fields]
    return [session.run(None, {"image": image[None, None]})[0][0] for image in images]


@pytest.mark.parametrize("name", FAMILIES)
def test_nuclei_that_lean_on_each_other_are_found(
    name: str, fields: list[SyntheticField], maps: list[NDArray[np.float32]]
) -> None:
    channels, parameters = FAMILIES[name]
    process = post_processor(name, parameters)

    found = [process(np.ascontiguousarray(one[channels])) for one in maps]

    precision = [average_precision(one, field.labels_yx, (0.5,))[0] for one, field in zip(found, fields, strict=True)]
    assert np.mean(precision) > 0.9


def test_the_outlines_are_those_of_the_stardist_package(maps: list[NDArray[np.float32]]) -> None:
    theirs = np.load(DATA / "stardist_0_9_2.npz")
    process = post_processor("stardist-polygons", {})

    counts = [
        matches(process(np.ascontiguousarray(one[7:40])), theirs[f"labels_{seed}"], 0.75)
        for seed, one in zip(SEEDS, maps, strict=True)
    ]

    same, ours_alone, theirs_alone = np.sum(counts, axis=0)
    assert same > 150
    assert ours_alone + theirs_alone <= 0.01 * same
