"""Ranges behave as the set they stand for."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from stentor.core.ranges import SequenceRanges

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=20)


@given(pairs)
def test_ranges_hold_exactly_what_was_entered(entered: list[tuple[int, int]]) -> None:
    expected = {n for first, last in entered for n in range(first, last + 1)}

    ranges = SequenceRanges(entered)

    assert set(ranges) == expected
    assert len(ranges) == len(expected)
    assert all((n in ranges) == (n in expected) for n in range(80))


@given(pairs)
def test_pairs_are_sorted_and_do_not_touch(entered: list[tuple[int, int]]) -> None:
    held = SequenceRanges(entered).pairs()

    assert all(after[0] > before[1] + 1 for before, after in itertools.pairwise(held))


@given(pairs, st.integers(0, 80))
def test_holes_are_the_complement(entered: list[tuple[int, int]], end: int) -> None:
    ranges = SequenceRanges(entered)

    holes = {n for first, last in ranges.holes(end) for n in range(first, last + 1)}

    assert holes == {n for n in range(end) if n not in ranges}
