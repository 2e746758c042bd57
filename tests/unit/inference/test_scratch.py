"""Scratch: one array for each name and thread, used again."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stentor.inference.postprocess import post_processor
from stentor.inference.postprocess.nearest_seed import nearest_seed
from stentor.inference.postprocess.scratch import Scratch


def test_an_array_is_used_again_until_its_shape_changes() -> None:
    scratch = Scratch()
    first = scratch.filled("a", (4, 5), np.float32, 7.0)

    assert first.min() == first.max() == 7.0
    assert scratch.array("a", (4, 5), np.float32) is first
    assert scratch.array("b", (4, 5), np.float32) is not first
    assert scratch.array("a", (4, 6), np.float32).shape == (4, 6)
    assert scratch.array("a", (4, 6), np.int32).dtype == np.int32


def test_another_thread_has_its_own() -> None:
    scratch = Scratch()
    ours = scratch.array("a", (4, 5), np.float32)

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(scratch.array, "a", (4, 5), np.float32).result()

    assert not np.shares_memory(ours, theirs)


def test_the_nearest_seed_is_told_with_its_distance() -> None:
    free = np.ones((20, 30), np.bool_)
    free[5:7, 5:7] = free[10, 25] = False

    distance, nearest = nearest_seed(free)

    assert nearest[6, 6] == nearest[0, 0] == nearest[5, 9] != nearest[19, 29] == nearest[10, 25]
    assert distance[5, 9] == 3.0
    assert distance[10, 25] == 0.0


def test_an_answer_is_not_changed_by_the_next_frame() -> None:
    maps = np.random.default_rng(0).uniform(0, 1, (4, 64, 64)).astype(np.float32)
    for name in ("centre-offset-voting", "threshold-components", "distance-watershed"):
        process = post_processor(name, {})
        first = process(maps)
        kept = first.copy()

        process(maps[:, ::-1].copy())

        assert np.array_equal(first, kept)
