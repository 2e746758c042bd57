"""Barrier: holds an acquisition after each time point and position until somebody has decided, or time is up."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from stentor.control.admission import OPERATOR
from stentor.core.clock import NS_PER_S, Clock
from stentor.core.errors import ConfigError
from stentor.scope.acquisition import BarrierSettings

if TYPE_CHECKING:
    import useq

Moment: TypeAlias = tuple[int | None, int | None]
"""Time point and position."""


class Barrier:
    """`passed_by` and `wait_s` by the engine's thread, `open` from any.

    Parameters
    ----------
    settings
        None: it never holds anybody.
    on_overdue
        Told the moment at which nobody decided in time.
    """

    def __init__(
        self, settings: BarrierSettings | None, clock: Clock, on_overdue: Callable[[Moment], None] = lambda moment: None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._on_overdue = on_overdue
        self._held: Moment | None = None
        self._held_since_ns: int | None = None
        self._opened: Moment | None = None

    def passed_by(self, event: "useq.MDAEvent") -> None:
        """Note that an event of the acquisition is being imaged; after the last of its moment there is a halt."""
        if self._settings is None or event.index.get("t", 0) % self._settings.every:
            return
        self._held = moment_of(event)
        self._held_since_ns = None

    def wait_s(self, following: "useq.MDAEvent | None") -> float:
        """Return for how long still to wait before the next event; 0: it may come.

        Parameters
        ----------
        following
            The next event; None: the time point is over.
        """
        if self._settings is None or self._held is None:
            return 0.0
        if following is not None and moment_of(following) == self._held:
            return 0.0
        now_ns = self._clock.monotonic_ns()
        if self._held_since_ns is None:
            self._held_since_ns = now_ns
        left_s = self._settings.timeout_s - (now_ns - self._held_since_ns) / NS_PER_S
        if self._opened != self._held and left_s > 0:
            return left_s
        if self._opened != self._held:
            self._on_overdue(self._held)
        self._held = None
        return 0.0

    def rest(self) -> None:
        """Count the time anew: the acquisition is paused, and nobody need decide meanwhile."""
        self._held_since_ns = None

    def open(self, moment: Moment, who: str) -> None:
        """Let the acquisition go on from a moment; one that is over is none to go on from.

        Raises
        ------
        ConfigError
            If it waits for somebody else's word.
        """
        if self._settings is not None and who not in (self._settings.controller, OPERATOR):
            raise ConfigError(f"the barrier waits for {self._settings.controller}, not for {who}")
        self._opened = moment


def moment_of(event: "useq.MDAEvent") -> Moment:
    """Return the time point and position of an event."""
    return event.index.get("t"), event.index.get("p")
