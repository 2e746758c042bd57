"""Finding: what a stage says about a frame, as a label image, a table of objects, an image, a score or events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

OBJECT_COLUMNS: Final[Mapping[str, str]] = {
    "label": "value of the object in the label image, int32",
    "y_px": "centroid row, float32",
    "x_px": "centroid column, float32",
    "y_um": "centroid on the stage, float64; absent when uncalibrated",
    "x_um": "centroid on the stage, float64; absent when uncalibrated",
    "bbox_y0_px": "first row, int32",
    "bbox_x0_px": "first column, int32",
    "bbox_y1_px": "one past the last row, int32",
    "bbox_x1_px": "one past the last column, int32",
    "area_px": "number of pixels, float32",
    "area_um2": "area in square micrometres, float32; absent when uncalibrated",
    "major_axis_px": "longer axis of the ellipse with the same second moments, float32",
    "minor_axis_px": "shorter axis of that ellipse, float32",
    "major_axis_um": "longer axis in micrometres, float32; absent when uncalibrated",
    "minor_axis_um": "shorter axis in micrometres, float32; absent when uncalibrated",
    "mean_intensity": "mean of the raw pixels, counts, float32",
    "max_intensity": "maximum of the raw pixels, counts, float32",
    "sum_intensity": "sum of the raw pixels, counts, float64",
}
"""The columns that built-in stages write; intensities of further channels carry the channel's name behind theirs. A
stage may add its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A label image: 0 is background, every other value is one object.

    Attributes
    ----------
    labels_yx
        Shape (Y, X) of the frame, int32.
    """

    labels_yx: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.labels_yx.ndim != 2 or self.labels_yx.dtype != np.int32:
            raise TypeError(
                f"a label image is (Y, X) int32, not {self.labels_yx.ndim}-D {self.labels_yx.dtype}; "
                "use labels.astype('int32')"
            )


class Objects:
    """A table of objects as a struct of arrays: every column is 1-D and all are equally long.

    >>> table = Objects({"label": np.array([1, 2], np.int32), "area_px": np.array([30, 40], np.float32)})
    >>> len(table), table["area_px"].tolist()
    (2, [30.0, 40.0])

    Raises
    ------
    ValueError
        If a column is not 1-D or the lengths differ.
    """

    __slots__ = ("_columns", "_length")

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        lengths = {name: column.shape for name, column in columns.items()}
        if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
            raise ValueError(f"object columns must be 1-D and equally long, got {lengths}")
        self._columns = dict(columns)
        self._length = next(iter(lengths.values()))[0] if lengths else 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, column: str) -> NDArray[Any]:
        try:
            return self._columns[column]
        except KeyError:
            raise KeyError(f"no column {column!r}; this table has {', '.join(self._columns)}") from None

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Name to column, in the order they were written."""
        return dict(self._columns)

    def with_columns(self, more: Mapping[str, NDArray[Any]]) -> "Objects":
        """Return a new table with columns added or replaced."""
        return Objects({**self._columns, **more})

    def __repr__(self) -> str:
        return f"Objects({self._length} x {list(self._columns)})"


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An image computed from a frame: a virtual stain, a restored or a normalised plane.

    Attributes
    ----------
    pixels_yx
        Shape (Y, X), float32 or the frame's dtype.
    unit
        What a value means, such as "counts" or "a.u.".
    """

    pixels_yx: NDArray[Any]
    unit: str = "a.u."


@dataclass(frozen=True, slots=True)
class Score:
    """One number about a whole frame, such as its sharpness; `unit` says what the number is in."""

    value: float
    unit: str = "1"


class Event(msgspec.Struct, frozen=True):
    """Something happened in a frame.

    Attributes
    ----------
    kind
        One word, such as "division"; the topic under which it is published.
    text
        In words, for people.
    data
        In numbers, for programs.
    """

    kind: str
    text: str
    data: dict[str, str | int | float] = {}


@dataclass(frozen=True, slots=True)
class Events:
    """What happened in a frame, in order; published one by one after the frame's result, each once and in order."""

    events: tuple[Event, ...] = ()


Finding = Labels | Objects | Image | Score | Events
Findings = Mapping[str, Finding]
"""Findings of one frame by name, such as "labels" or "objects"."""
