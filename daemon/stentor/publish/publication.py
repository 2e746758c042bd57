"""Publication: what the pipeline hands to the hub for one frame."""

from collections.abc import Callable
from dataclasses import dataclass

from stentor.core.doors import DoorTimes
from stentor.core.finding import Finding
from stentor.core.frame import FrameHeader, FrameId, Pixels
from stentor.core.outcome import Late, Result
from stentor.core.stage import ModelIdentity


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """A finished analysis.

    Attributes
    ----------
    pixels
        The camera's image, shape (Y, X), for consumers that want to see it; lent until `on_published`.
    members
        Names of the gathered images, in the plan's order; empty: the frame came alone.
    times
        Stamps up to `post`; the hub adds `published`.
    on_published
        Called in the hub's thread once the arrays are copied: the frame may close and its buffer be recycled.
    """

    header: FrameHeader
    pixels: Pixels
    members: tuple[FrameId, ...]
    findings: dict[str, Finding]
    times: DoorTimes
    stage_ms: dict[str, float]
    models: dict[str, ModelIdentity]
    on_published: Callable[[Result | Late, DoorTimes], None]
