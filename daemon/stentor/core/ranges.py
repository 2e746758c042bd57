"""Ranges: a set of sequence numbers that stays small because its members come in runs."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class SequenceRanges:
    """A set of integers kept as sorted, disjoint, inclusive (first, last) pairs; one owner at a time.

    >>> lost = SequenceRanges()
    >>> for sequence in (3, 4, 5, 9):
    ...     lost.add(sequence)
    >>> lost.pairs()
    [(3, 5), (9, 9)]
    """

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._pairs: list[tuple[int, int]] = []
        for first, last in pairs:
            self.add(first, last)

    def add(self, first: int, last: int | None = None) -> None:
        """Enter one number, or all from `first` to `last` inclusive."""
        last = first if last is None else last
        if last < first:
            return
        before = [pair for pair in self._pairs if pair[1] < first - 1]
        after = [pair for pair in self._pairs if pair[0] > last + 1]
        touching = self._pairs[len(before) : len(self._pairs) - len(after)]
        if touching:
            first, last = min(first, touching[0][0]), max(last, touching[-1][1])
        self._pairs = [*before, (first, last), *after]

    def pairs(self) -> list[tuple[int, int]]:
        """Return the sorted, disjoint, inclusive pairs."""
        return list(self._pairs)

    def holes(self, end: int) -> list[tuple[int, int]]:
        """Return the inclusive pairs of numbers in [0, end) that are not members.

        >>> SequenceRanges([(3, 5)]).holes(8)
        [(0, 2), (6, 7)]
        """
        gaps = []
        expected = 0
        for first, last in self._pairs:
            if first >= end:
                break
            if first > expected:
                gaps.append((expected, first - 1))
            expected = last + 1
        if expected < end:
            gaps.append((expected, end - 1))
        return gaps

    def __contains__(self, sequence: int) -> bool:
        index = bisect_right(self._pairs, (sequence, float("inf"))) - 1
        return index >= 0 and self._pairs[index][1] >= sequence

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._pairs)

    def __iter__(self) -> Iterator[int]:
        for first, last in self._pairs:
            yield from range(first, last + 1)
