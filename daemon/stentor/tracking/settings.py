"""Settings of the tracker: how far objects go, how long they are remembered, and what a division looks like."""

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]


class TrackerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lengths are in diameters of the objects (the median of a frame), so that no magnification needs naming.

    Attributes
    ----------
    reach
        No object goes further from one frame to the next.
    memory_frames
        A track that is not seen for more frames than this is lost.
    divides
        Whether objects divide; False for beads, or cells that never do.
    least_shrink
        A daughter is at most this share of its mother's area, as it was before mitosis.
    daughters_apart
        Two daughters are no further apart when first seen.
    most_objects
        Larger frames are refused: time and memory are bounded.
    """

    reach: Positive = 1.8
    memory_frames: Annotated[int, Meta(ge=0, le=100)] = 3
    divides: bool = True
    least_shrink: Positive = 0.8
    daughters_apart: Positive = 1.8
    most_objects: Annotated[int, Meta(ge=1)] = 5000
