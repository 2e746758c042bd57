"""Engine: what every acquisition engine does, so that the rest of the scope need not know which one is at work."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

from stentor.microscope.arrival import Arrival
from stentor.scope.between import Between, LivePace

if TYPE_CHECKING:
    import useq

Reason = Literal["completed", "aborted", "failed"]


CLOSE_TIMEOUT_S = 15.0

Sink: TypeAlias = Callable[[Arrival], None]
"""Takes arrivals, in order, on the engine's thread, and returns at once. What it raises is counted, not passed on."""


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended, counted by us: no backend's own word on completion is to be trusted.

    Attributes
    ----------
    expected
        Images that the events asked for; None: the run was open-ended.
    received
        Images that reached us, those included whose sink raised.
    missed
        Holes in the camera's own numbering: images it made that never reached us.
    sink_failures
        How often the sink raised.
    reason
        "completed" when everything expected came, "aborted" when somebody asked for the end before that.
    error
        What went wrong and what to do; None unless `reason` is "failed".
    complaint
        What pymmcore-plus complained of first and carried on: images may have been taken elsewhere, or in another
        light, than they were meant to. None: nothing; pycromanager ends a run that it complains of.
    """

    expected: int | None
    received: int
    missed: int
    sink_failures: int
    reason: Reason
    error: str | None = None
    complaint: str | None = None


class Engine(Protocol):
    """Drives one core through one run at a time. Events are checked against the core before the first image.

    `run` and `live` block the thread that calls them and raise SourceError or ConfigError only when nothing was
    started; whatever breaks later is in the report. `abort` may be called from any thread and at any time. `close`
    comes last and may be called twice.

    Attributes
    ----------
    between
        Asked before every exposure and event, and given the time between images; set before a run, never during one.
    """

    between: Between

    def run(self, events: "Iterable[useq.MDAEvent] | useq.MDASequence", sink: Sink) -> RunReport:
        """Run events to their end.

        A sequence, list or tuple is read in full beforehand and merged into hardware sequences where the devices
        allow it. An iterator is read one event at a time, each after the image before it, so that it may decide on
        what was seen; whoever makes one that can block must end it when the run is aborted.
        """
        ...

    def live(
        self,
        sink: Sink,
        *,
        exposure_ms: float,
        interval_ms: float | None = None,
        frames: int | None = None,
        pace: LivePace | None = None,
    ) -> RunReport:
        """Show the camera until `frames` have come (None: until `abort`).

        `pace`, in place of `interval_ms`, can be changed while it runs.

        Without `interval_ms` the camera runs freely. With it single images are taken at that pace, because most
        cameras ignore an interval and would light the specimen for nothing.
        """
        ...

    def abort(self) -> None:
        """End the run in progress soon, within the exposure under way; nothing when there is none."""
        ...

    def close(self) -> None:
        """Abort, wait for the end of the run at most 15 s, and let go of the core."""
        ...
