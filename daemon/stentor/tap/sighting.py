"""Sighting: what a host's thread leaves for the feed's thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stentor.wire.ring import SlotRef


@dataclass(frozen=True, slots=True)
class BeginRun:
    """An acquisition has begun."""


@dataclass(frozen=True, slots=True)
class EndRun:
    """It is over, in the words of `RunAccount.ended`."""

    ended: str


Read = Callable[[], tuple[NDArray[Any], Mapping[str, Any]]]
"""Returns the pixels and the metadata of an image that lies in a dataset."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sighting:
    """One image.

    Attributes
    ----------
    kept
        Where its pixels are: in the ring, or in an array of their own while there is no ring that fits; None: it is
        refused, for the reason in `wrong`.
    received_ns, tapped_ns
        When the host showed it, and when its pixels were safe.
    """

    kept: SlotRef | NDArray[Any] | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    received_ns: int
    tapped_ns: int
    metadata: Mapping[str, Any]
    event: Any
    wrong: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Fetch:
    """One image that is to be read from its dataset."""

    read: Read
    received_ns: int


Change = BeginRun | EndRun | Sighting | Fetch
