"""Agenda: what an adaptive acquisition images next; anybody may change it while it runs."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol, Self

from stentor.core.clock import NS_PER_MS, NS_PER_S, Clock
from stentor.core.errors import ConfigError
from stentor.core.frame import ASKED
from stentor.scope.barrier import Barrier, Moment

if TYPE_CHECKING:
    import useq

WAKE_EVERY_S = 0.05
MOST: Final = 10_000
"""Images that may wait at a time, of all that were asked for."""


class Detour(Protocol):
    """What images in between change, and how the way back is found."""

    def begin(self) -> None: ...
    def end(self) -> None: ...


class StraightOn:
    """Changes nothing, and goes back to nowhere."""

    def begin(self) -> None:
        """Nothing to remember."""

    def end(self) -> None:
        """Nothing to undo."""


STRAIGHT_ON: Final = StraightOn()


class Agenda:
    """Time points of some events each, at an interval, and what is asked for in between.

    The engine's thread iterates; any thread calls the rest, which acts at the next image. Positions are either those
    of `events` or what `visit` says; every event's index gains the time point as "t".

    Parameters
    ----------
    events
        One time point.
    exposure_ms
        Of events that name none; None: as the camera stands.
    interval_s
        From the start of one time point to the start of the next; 0: as fast as possible.
    time_points
        None: until `stop`.
    meanwhile
        Called by the engine's thread whenever there is nothing to image, with the seconds until there will be; may
        return sooner, never much later. Requests are carried out there.
    barrier
        Holds the acquisition after each moment until somebody has decided; None: nothing does.
    detour
        Told by the engine's thread when images that were asked for begin, and when the acquisition goes on.
    """

    def __init__(
        self,
        events: "Sequence[useq.MDAEvent]",
        *,
        interval_s: float,
        time_points: int | None,
        exposure_ms: float | None = None,
        clock: Clock,
        meanwhile: Callable[[float], None],
        detour: Detour = STRAIGHT_ON,
        barrier: Barrier | None = None,
    ) -> None:
        self._events = list(events)
        self._interval_s = interval_s
        self._exposure_ms = exposure_ms
        self._time_points = time_points
        self._clock = clock
        self._meanwhile = meanwhile
        self._detour = detour
        self._barrier = barrier or Barrier(None, clock)
        self._is_on_detour = False
        self._lock = threading.Lock()
        self._left: deque[useq.MDAEvent] = deque()
        self._now: deque[useq.MDAEvent] = deque()
        self._next: deque[useq.MDAEvent] = deque()
        self._started_ns: int | None = None
        self._begun = 0
        self._asked = 0
        self._is_paused = False
        self._is_over = False

    @property
    def interval_s(self) -> float:
        """The interval in force."""
        return self._interval_s

    @property
    def is_paused(self) -> bool:
        """Whether images wait for `resume`."""
        return self._is_paused

    def __iter__(self) -> Iterator["useq.MDAEvent"]:
        return self

    def __next__(self) -> "useq.MDAEvent":
        self._go_back()
        # Requests that came during the last exposure act before the next image, not after it.
        self._meanwhile(0.0)
        while True:
            with self._lock:
                if self._is_over:
                    raise StopIteration
                event, wait_s = self._choose()
            if event is not None:
                if ASKED in event.index and not self._is_on_detour:
                    self._is_on_detour = True
                    self._detour.begin()
                return event if event.exposure is not None else event.replace(exposure=self._exposure_ms)
            self._meanwhile(min(wait_s, WAKE_EVERY_S))

    def set_interval(self, interval_s: float) -> None:
        """Start time points at this interval, counted from the start of the one under way."""
        with self._lock:
            self._interval_s = interval_s

    def set_exposure(self, exposure_ms: float) -> bool:
        """Expose events that name no exposure for so long; True: it is done with the events, not on the camera now."""
        self._exposure_ms = exposure_ms
        return True

    def ask(self, events: "Sequence[useq.MDAEvent]", *, is_urgent: bool) -> int:
        """Image events once: before anything else, or after the time point under way.

        Returns
        -------
        int
            The number of the first; their index gains it as "asked", counted on.

        Raises
        ------
        ConfigError
            If too many wait already.
        """
        with self._lock:
            waiting = len(self._now) + len(self._next)
            if waiting + len(events) > MOST:
                raise ConfigError(f"{waiting} images that were asked for wait already; at most {MOST} may")
            first, numbered = self._asked, []
            for event in events:
                numbered.append(event.replace(index={**event.index, ASKED: self._asked}))
                self._asked += 1
            (self._now if is_urgent else self._next).extend(numbered)
            return first

    def visit(self, places: Sequence[tuple[float, ...]]) -> None:
        """Image every time point from the next on at these places, in this order; ConfigError: there are none."""
        if not places:
            raise ConfigError("no position to visit; `pause` takes no images")
        with self._lock:
            first = [event for event in self._events if event.index.get("p", 0) == 0]
            self._events = [
                event.replace(
                    index={**event.index, "p": p},
                    x_pos=place[0],
                    y_pos=place[1],
                    z_pos=place[2] + _offset(event, first[0]) if len(place) == 3 else event.z_pos,
                )
                for p, place in enumerate(places)
                for event in first
            ]

    def extend(self, time_points: int) -> None:
        """Add time points; nothing when there is no end."""
        with self._lock:
            if self._time_points is not None:
                self._time_points += time_points

    def skip(self) -> None:
        """Leave out what is left of the time point under way."""
        with self._lock:
            self._left.clear()

    def drop_asked(self) -> None:
        """Leave out what is left of the images that were asked for."""
        with self._lock:
            self._now.clear()
            self._next.clear()

    def go_on(self, moment: Moment, who: str) -> None:
        """Let the acquisition go on from a moment at which it waits or will wait; ConfigError: not for `who`."""
        self._barrier.open(moment, who)

    def pause(self) -> None:
        """Image nothing until `resume`."""
        self._is_paused = True

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False

    def stop(self) -> Self:
        """End after the image under way."""
        with self._lock:
            self._is_over = True
        return self

    def _go_back(self) -> None:
        """End the detour at once when all that was asked for is there, before requests can move anything else."""
        with self._lock:
            is_over = self._is_on_detour and not self._now and not (self._next and not self._left)
        if is_over:
            self._is_on_detour = False
            self._detour.end()

    def _choose(self) -> "tuple[useq.MDAEvent | None, float]":
        """Return the event to image now, or None and the seconds to wait."""
        if self._is_paused:
            self._barrier.rest()
            return None, WAKE_EVERY_S
        if self._now:
            return self._now.popleft(), 0.0
        held_s = self._barrier.wait_s(self._left[0] if self._left else None)
        if held_s > 0:
            return None, held_s
        if self._left:
            return self._begin(self._left.popleft()), 0.0
        if self._next:
            return self._next.popleft(), 0.0
        if self._time_points is not None and self._begun >= self._time_points:
            self._is_over = True
            raise StopIteration
        now_ns = self._clock.monotonic_ns()
        if self._started_ns is not None:
            wait_ns = self._started_ns + int(self._interval_s * NS_PER_S) - now_ns
            if wait_ns > 0:
                return None, wait_ns / NS_PER_S
            # A late time point is not made up for: two in a row would double the light.
            now_ns = now_ns if -wait_ns > self._interval_s * NS_PER_S / 2 else now_ns + wait_ns
        self._started_ns = now_ns
        self._left.extend(event.replace(index={**event.index, "t": self._begun}) for event in self._events)
        self._begun += 1
        return (self._begin(self._left.popleft()), 0.0) if self._left else (None, 10 * NS_PER_MS / NS_PER_S)

    def _begin(self, event: "useq.MDAEvent") -> "useq.MDAEvent":
        self._barrier.passed_by(event)
        return event


def _offset(event: "useq.MDAEvent", first: "useq.MDAEvent") -> float:
    """Return how far a plane of a z-stack lies above the first."""
    return (event.z_pos or 0.0) - (first.z_pos or 0.0)
