"""Judged objects: crops in memory, each with its class and its side of the split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stentor.train.split import Part, part_of


@dataclass(frozen=True, slots=True, eq=False)
class JudgedObjects:
    """What a classifier learns from.

    Attributes
    ----------
    crops_nchw
        Network input as `stentor.inference.crops.cut` makes it, shape (n, C, S, S) float32.
    class_n
        Index of the class, shape (n,) int64.
    set_n
        Name of the set of each object, shape (n,) str.
    part_n
        `Part` of each object as its value, shape (n,) str.
    """

    crops_nchw: NDArray[np.float32]
    class_n: NDArray[np.int64]
    set_n: NDArray[np.str_]
    part_n: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.class_n)

    def on(self, part: Part, set_name: str | None = None) -> "JudgedObjects":
        """Return those on one side of the split, of one set or of all."""
        chosen = self.part_n == part.value
        if set_name is not None:
            chosen &= self.set_n == set_name
        return JudgedObjects(self.crops_nchw[chosen], self.class_n[chosen], self.set_n[chosen], self.part_n[chosen])


def parts_of(names: list[str]) -> NDArray[np.str_]:
    """Return the side of the split of each name, shape (n,) str."""
    return np.array([part_of(name).value for name in names])
