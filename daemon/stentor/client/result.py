"""Result: what a listener receives for one frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.core.clock import NS_PER_MS
from stentor.core.finding import Event, Finding, Image, Labels, Objects, Score
from stentor.core.frame import FrameHeader
from stentor.core.stage import ModelIdentity
from stentor.wire import message
from stentor.wire.message import ResultHeader


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One analysed frame.

    Attributes
    ----------
    header
        The whole header, with times, models and scores.
    findings
        By name; arrays are read-only.
    age_ms
        From the frame's arrival at its producer (of a gathered one, its last image's) to its arrival here, in
        milliseconds; None when the two clocks cannot be compared.
    """

    header: ResultHeader
    findings: Mapping[str, Finding]
    age_ms: float | None

    @property
    def frame(self) -> FrameHeader:
        """The frame's header."""
        return self.header.frame

    @property
    def models(self) -> Mapping[str, ModelIdentity]:
        """The models behind the findings, by stage."""
        return self.header.models

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened in the frame, such as divisions."""
        return self.header.events

    @property
    def is_late(self) -> bool:
        """Whether the stream's deadline was missed; such a result is no reason to act."""
        return self.header.outcome == "late"

    @property
    def objects(self) -> Objects:
        """The finding "objects"; an empty table when the plan measures none."""
        found = self.findings.get("objects")
        return found if isinstance(found, Objects) else Objects({})

    def score(self, name: str) -> float | None:
        """A whole-frame score by name; None: the plan gives none of that name."""
        found = self.findings.get(name)
        return found.value if isinstance(found, Score) else None

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """The label image, shape (Y, X) int32; None unless asked for with `images=True`."""
        found = self.findings.get("labels")
        return found.labels_yx if isinstance(found, Labels) else None

    def image(self, name: str) -> NDArray[Any] | None:
        """An image by name, shape (Y, X), where "frame" is the camera's own; None unless asked for and present."""
        found = self.findings.get(name)
        return found.pixels_yx if isinstance(found, Image) else None

    def step(self, name: str = "labels") -> int:
        """Rows and columns of the frame that one pixel of an image stands for; 1 unless it was brought down."""
        return next((part.step for part in self.header.parts if part.finding == name), 1)

    @property
    def published_after_ms(self) -> float | None:
        """From the frame's arrival at its producer to publication."""
        times = self.header.times
        if times.published is None or times.received is None:
            return None
        return (times.published - times.received) / NS_PER_MS

    def packed(self) -> list[bytes]:
        """Return it as the parts of a message, as `unpacked` reads them."""
        steps = {part.finding: part.step for part in self.header.parts}
        scores, parts, arrays = message.split_findings(self.findings, steps)
        header = msgspec.structs.replace(self.header, scores=scores, parts=tuple(parts))
        return message.encode(header, arrays)


def unpacked(parts: Sequence[bytes]) -> Result:
    """Return the result that `Result.packed` made, without an age; MalformedMessage if it is none."""
    header, findings = message.decode(parts)
    if not isinstance(header, ResultHeader):
        raise message.MalformedMessage("an event is no result")
    return Result(header, findings, None)
