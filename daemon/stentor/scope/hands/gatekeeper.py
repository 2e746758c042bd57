"""Gatekeeper: shows every event and exposure of an acquisition to the guard, and lets requests act in between."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetValue
from stentor.control.guard import Guard
from stentor.control.limits import Refusal
from stentor.core.callback import guarded_callback
from stentor.core.errors import RecordError
from stentor.scope.hands.desk import Desk
from stentor.scope.hands.event_calls import calls_of_event
from stentor.scope.hands.whereabouts import Whereabouts

if TYPE_CHECKING:
    import pymmcore
    import useq

logger = logging.getLogger(__name__)

SAY_AGAIN_EVERY_S: Final = 60.0


class Gatekeeper:
    """A `Between`; called by the thread that holds the hardware.

    Parameters
    ----------
    is_dosed
        Whether there is a light budget, so that it matters where every live image is taken.
    on_refusal
        Told what was refused, and why: the first time after something was admitted, then once a minute and rule with
        how many there were.
    """

    def __init__(
        self,
        guard: Guard,
        desk: Desk,
        core: "pymmcore.CMMCore",
        whereabouts: Whereabouts,
        *,
        is_dosed: bool = False,
        on_refusal: Callable[[str, Refusal], None] = lambda what, refusal: None,
    ) -> None:
        self._guard = guard
        self._desk = desk
        self._core = core
        self._whereabouts = whereabouts
        self._is_dosed = is_dosed
        self._on_refusal = guarded_callback(on_refusal, name="the decision log")
        self._said_s: dict[str, float] = {}
        self._told_s: dict[str, float] = {}
        self._untold = 0
        self._is_on_the_way = False
        self.refused = 0

    def admits_event(self, event: "useq.MDAEvent") -> bool:
        """Tell whether an event of the acquisition may be carried out; its light then counts."""
        calls = calls_of_event(event, self._core)
        is_admitted = self._admits(f"event {dict(event.index)}", calls)
        self._is_on_the_way = is_admitted and any(isinstance(call, Drive | SetValue | ApplyPreset) for call in calls)
        return is_admitted

    def admits_light(self, duration_ms: float, count: int) -> bool:
        """Tell whether so many images may be exposed here and now; their light then counts."""
        if self._is_dosed:
            self._whereabouts.look()
        return self._admits("live image", [Expose(duration_ms=duration_ms, count=count)])

    @property
    def is_asked(self) -> bool:
        """Whether requests wait to act."""
        return self._desk.is_asked

    def serve(self, timeout_s: float) -> None:
        """Let requests act, once it is known where the event before has brought the hardware."""
        if self._is_on_the_way:
            self._is_on_the_way = False
            try:
                self._whereabouts.look_again()
            except RecordError as err:
                logger.error("light that fell where it was not meant to could not be counted: %s", err)
        self._desk.serve(timeout_s)

    def _admits(self, what: str, calls: list[DeviceCall]) -> bool:
        self._whereabouts.ensure()
        try:
            refusal = self._guard.admit(calls, is_planned=True)
        except RecordError as err:
            refusal = Refusal("dose", f"the light account cannot be written: {err}")
        if refusal is None:
            self._told_s.clear()
            return True
        self.refused += 1
        now_s = time.monotonic()
        self._tell(what, refusal, now_s)
        if now_s - self._said_s.get(refusal.rule, float("-inf")) >= SAY_AGAIN_EVERY_S:
            self._said_s[refusal.rule] = now_s
            logger.warning("the guard refuses %s by %s: %s", what, refusal.rule, refusal.text)
        return False

    def _tell(self, what: str, refusal: Refusal, now_s: float) -> None:
        # Refused, an acquisition without an interval asks again at once, thousands of times a second.
        if now_s - self._told_s.get(refusal.rule, float("-inf")) < SAY_AGAIN_EVERY_S:
            self._untold += 1
            return
        self._told_s[refusal.rule] = now_s
        self._on_refusal(f"{what}, and {self._untold} more before it" if self._untold else what, refusal)
        self._untold = 0
