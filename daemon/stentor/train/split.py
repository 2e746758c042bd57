"""Split: which fields are trained on, watched, and kept for the one final test."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from itertools import combinations_with_replacement
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SEAM_CORRELATION: Final = 0.95
"""Two crops are neighbours in one field when the facing edges agree at least so well.

In the 2018 Data Science Bowl images the histogram of edge correlations falls to a minimum near 0.93 and rises again
towards 1 (250 pairs of 256 x 256, 108 pairs of 360 x 360), 2026-11-23.
"""

SALT: Final = "43:"
"""Put before a field's name. Fields are of very unequal size (1 to 33 crops), so that most salts miss 75/15/10 by far;
this one was chosen by the number of images per side alone, before the first training, 2026-11-23.
"""

LEAST_CONTRAST: Final = 2.0
"""Standard deviation in counts below which an edge is plain background and proves nothing."""


class Part(StrEnum):
    """The three sides of the split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def part_of(field: str) -> Part:
    """Assign a field by a hash of its name: about 75 % train, 15 % validation, 10 % test.

    >>> part_of("IXMtest_A18") is part_of("IXMtest_A18")
    True
    """
    draw = int.from_bytes(hashlib.sha256((SALT + field).encode()).digest()[:4], "big") % 100
    return Part.TRAIN if draw < 75 else Part.VALIDATION if draw < 90 else Part.TEST


def group_by_seams(stems: Sequence[str], images: Sequence[NDArray[Any]]) -> dict[str, str]:
    """Name the field of each image, putting crops whose edges continue each other into one field.

    Parameters
    ----------
    stems, images
        Names and planes (Y, X), equally long.

    Returns
    -------
    dict
        Stem to field; a field is named after its first stem.
    """
    leader = dict(zip(stems, stems, strict=True))

    def root(stem: str) -> str:
        while leader[stem] != stem:
            stem = leader[stem]
        return stem

    shapes = sorted({image.shape for image in images})
    for shape in shapes:
        members = [index for index, image in enumerate(images) if image.shape == shape]
        for first, second in _seams([images[index] for index in members]):
            a, b = sorted((root(stems[members[first]]), root(stems[members[second]])))
            leader[b] = a
    return {stem: root(stem) for stem in stems}


def _seams(images: Sequence[NDArray[Any]]) -> list[tuple[int, int]]:
    """Return pairs (i, j) of equally large images that continue each other, below or to the right."""
    agree = np.zeros((len(images), len(images)))
    for ending, beginning in ((np.s_[-1], np.s_[0]), (np.s_[:, -1], np.s_[:, 0])):
        after = np.stack([_standardised(image[ending]) for image in images])
        before = np.stack([_standardised(image[beginning]) for image in images])
        agree = np.maximum(agree, after @ before.T)
    pairs = combinations_with_replacement(range(len(images)), 2)
    return [(i, j) for i, j in pairs if i != j and max(agree[i, j], agree[j, i]) >= SEAM_CORRELATION]


def _standardised(edge: NDArray[Any]) -> NDArray[np.float64]:
    """Return the edge with mean 0 and length 1, or zeros when it is plain background; shape (n,)."""
    values = edge.astype(np.float64) - edge.mean()
    if values.std() < LEAST_CONTRAST:
        return np.zeros_like(values)
    return np.asarray(values / np.linalg.norm(values))
