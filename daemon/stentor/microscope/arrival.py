"""Arrival: one image as it came in, before anybody has made sense of its metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stentor.core.frame import Pixels

if TYPE_CHECKING:
    import useq


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """One image and what its backend said about it.

    Attributes
    ----------
    pixels
        Shape (Y, X), uint8 or uint16. Lent for the length of the call: who keeps pixels copies them before returning.
    received_ns
        `perf_counter_ns`, taken before anything else was done with the image.
    metadata
        What the backend wrote, untouched; `stentor.microscope.header` reads every dialect.
    event
        The event that asked for this image; None in live mode.
    """

    pixels: Pixels
    received_ns: int
    metadata: Mapping[str, Any]
    event: "useq.MDAEvent | None"
