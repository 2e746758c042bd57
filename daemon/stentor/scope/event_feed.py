"""Event feed: hands events to an engine, counts the images they ask for, and runs dry at abort."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from stentor.scope.engine import RunReport
from stentor.scope.tally import Tally

if TYPE_CHECKING:
    import useq


REFUSED_S: Final = 0.005
"""An acquisition as fast as possible whose light is used up must not keep a core busy with asking."""


def asks_for_image(event: "useq.MDAEvent") -> bool:
    """Tell whether an event takes an image; autofocus and custom actions do not."""
    import useq

    return event.action is None or isinstance(event.action, useq.AcquireImage)


class EventFeed:
    """Iterates over the events of one run until it is stopped. Read by one thread.

    Every event passes `check`, which raises on one that the core would lose: known events all at once, here, the
    others as they are made. One that `admits` refuses, asked as it is handed out, is left out.

    Attributes
    ----------
    whole
        All events, when they were known beforehand; None: they are made one at a time while the run goes on.
    longest_exposure_ms
        Of the events handed out so far; 0 if none names one.
    images_per_event
        As many as the camera has channels (several cameras behind Micro-Manager's Multi Camera).
    """

    def __init__(
        self,
        events: "Iterable[useq.MDAEvent] | useq.MDASequence",
        stop: threading.Event,
        check: "Callable[[useq.MDAEvent], None]",
        *,
        images_per_event: int = 1,
        admits: "Callable[[useq.MDAEvent], bool]" = lambda event: True,
    ) -> None:
        self.whole: list[useq.MDAEvent] | None = None if isinstance(events, Iterator) else list(events)
        self._events: Iterable[useq.MDAEvent] = events if self.whole is None else self.whole
        self._stop = stop
        self._check = check
        self._admits = admits
        for event in self.whole or ():
            check(event)
        self.images_per_event = images_per_event
        self.longest_exposure_ms = 0.0
        self._handed_out = 0
        self._refused = 0

    @property
    def expected(self) -> int:
        """Images asked for: by all events but those refused if they are known, else by those handed out so far."""
        count = self._handed_out if self.whole is None else sum(map(asks_for_image, self.whole)) - self._refused
        return count * self.images_per_event

    def __iter__(self) -> Iterator["useq.MDAEvent"]:
        for event in self._events:
            if self._stop.is_set():
                return
            if self.whole is None:
                self._check(event)
            if not self._admits(event):
                self._refused += asks_for_image(event)
                if self.whole is None:
                    time.sleep(REFUSED_S)
                continue
            self.longest_exposure_ms = max(self.longest_exposure_ms, event.exposure or 0.0)
            self._handed_out += asks_for_image(event)
            yield event

    def report(
        self, tally: Tally, error: str | None, *, is_stalled: bool = False, complaint: str | None = None
    ) -> RunReport:
        """Compare what was asked for with what came; a run that we ended because it stalled is no abort."""
        return tally.report(
            expected=self.expected,
            is_aborted=self._stop.is_set() and not is_stalled,
            is_open_ended=self.whole is None,
            error=error,
            complaint=complaint,
        )
