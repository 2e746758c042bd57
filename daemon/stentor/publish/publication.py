"""Publication: what the pipeline hands to the hub for one frame."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stentor.core.doors import DoorTimes
from stentor.core.finding import Events, Finding
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


EventData = dict[str, str | int | float]


def events_of(frame_id: FrameId, findings: Mapping[str, Finding]) -> Iterator[tuple[str, str, EventData]]:
    """Yield (kind, text, data) of what happened in a frame; `data` names the frame beside what the stage gave."""
    frame: EventData = {
        "stream": frame_id.stream, "run": frame_id.run, "sequence": frame_id.sequence,
    }  # fmt: skip
    for finding in findings.values():
        if isinstance(finding, Events):
            for event in finding.events:
                yield event.kind, event.text, {**event.data, **frame}
