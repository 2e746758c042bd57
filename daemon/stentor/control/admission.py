"""Admission: whether a request may be considered at all: armed, fresh, not too many, and its asker alive."""

from collections import deque
from typing import Final

from stentor.control.limits import Refusal
from stentor.control.settings import GuardSettings
from stentor.core.action import Abort, Action, Alive, Arm, Describe, Disarm, GoOn, Pause, Request, Resume, Skip
from stentor.core.clock import NS_PER_S, Clock, age_ms

OPERATOR: Final = "operator"
"""Who may arm: a person, through the command line; controllers carry names of their own."""

ALWAYS: Final = (Pause, Abort, Disarm, Alive, Describe)
"""What only ever makes things quieter, or changes nothing, is taken disarmed, too, however often it is asked."""

ASKERS: Final = 64
"""Whose requests are counted at a time."""


class Admission:
    """Asked once for every request, in the order they came; then `silent`, as often as wanted. One thread."""

    def __init__(self, settings: GuardSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._recent_ns: dict[str, deque[int]] = {}
        self._heard_ns: dict[str, int] = {}
        self._left: set[str] = set()
        self.is_armed = settings.armed

    def judge(self, request: Request) -> Refusal | None:
        """Return the rule that refuses a request whatever it asks for, or None."""
        action, who = request.action, request.cause.controller
        if isinstance(action, Alive) and (refusal := self._note_sign(action, who)) is not None:
            return refusal
        if who in self._heard_ns:
            self._heard_ns[who] = self._clock.monotonic_ns()
        if isinstance(action, ALWAYS):
            self.is_armed = self.is_armed and not isinstance(action, Disarm)
            return None
        refusal = self._too_many(who) or self.stale(request)
        if refusal is not None:
            return refusal
        if isinstance(action, Arm):
            return self._arm(who)
        if isinstance(action, (GoOn, Skip)) or (isinstance(action, Resume) and who == OPERATOR):
            return None
        if not self.is_armed:  # a controller's resume as well: it lights the specimen
            return _disarmed()
        return None

    def silent(self) -> tuple[str, ...]:
        """Return who has given no sign of life for too long; each is named once."""
        limit_ns = self._clock.monotonic_ns() - int(self._settings.silence_s * NS_PER_S)
        gone = tuple(who for who, heard_ns in self._heard_ns.items() if heard_ns < limit_ns)
        for who in gone:
            del self._heard_ns[who]
        return gone

    def excuse(self, who: str) -> None:
        """Take somebody for alive who cannot give a sign of life now; nothing for those who never gave one."""
        if who in self._heard_ns:
            self._heard_ns[who] = self._clock.monotonic_ns()

    def _note_sign(self, sign: Alive, who: str) -> Refusal | None:
        if sign.is_last:
            self._heard_ns.pop(who, None)
            self._left = {who, *(name for name in self._left if len(self._left) < ASKERS)}
            return None
        if who not in self._heard_ns and len(self._heard_ns) >= ASKERS:
            return Refusal("silence_s", f"{ASKERS} give signs of life already, and no more are watched")
        self._left.discard(who)
        self._heard_ns[who] = self._clock.monotonic_ns()
        return None

    def has_left(self, who: str) -> bool:
        """Tell whether the last sign that somebody gave was a goodbye."""
        return who in self._left

    def hears(self, who: str) -> bool:
        """Tell whether somebody gives signs of life."""
        return who in self._heard_ns

    def _arm(self, who: str) -> Refusal | None:
        if who != OPERATOR:
            return Refusal("armed", f"{who} may not arm; only an operator may, by `stentor arm`")
        self.is_armed = True
        return None

    def _too_many(self, who: str) -> Refusal | None:
        now_ns = self._clock.monotonic_ns()
        recent_ns = self._recent_ns.pop(who, deque())
        rate = self._settings.actions_per_s
        while recent_ns and recent_ns[0] <= now_ns - NS_PER_S / min(rate, 1.0):
            recent_ns.popleft()
        self._recent_ns[who] = recent_ns
        while len(self._recent_ns) > ASKERS:
            del self._recent_ns[next(iter(self._recent_ns))]  # who has asked for nothing the longest
        if len(recent_ns) >= max(rate, 1.0):
            return Refusal("actions_per_s", f"more than {rate:g} requests of {who} in a second")
        recent_ns.append(now_ns)
        return None

    def disarm(self) -> None:
        """Let nothing reach the hardware until an operator arms; from any thread."""
        self.is_armed = False

    def lapsed(self, request: Request) -> Refusal | None:
        """Return the rule that refuses a request that has waited since it was admitted, or None; from any thread."""
        return self.stale(request) or (None if self.is_armed else _disarmed())

    def stale(self, request: Request) -> Refusal | None:
        """Return the rule that refuses a request for the age of its frame by now, or None; from any thread."""
        limits = [ms for ms in (request.max_age_ms, self._settings.max_age_ms) if ms is not None]
        cause = request.cause
        if not limits or cause.frame_id is None:
            return None
        seen_ns, clock_id = cause.seen_ns, cause.clock_id
        age = None if seen_ns is None or clock_id is None else age_ms(seen_ns, clock_id, self._clock)
        if age is None:
            return Refusal("max_age_ms", "the age of the frame is not known here, so that it counts as too old")
        if not -1.0 <= age <= min(limits):
            return Refusal("max_age_ms", f"frame {cause.frame_id} is {age:.0f} ms old; at most {min(limits):g} ms")
        return None


def _disarmed() -> Refusal:
    return Refusal("armed", "the microscope is disarmed; `stentor arm` lets requests through")


def is_hands_off(action: Action) -> bool:
    """Tell whether an action changes no hardware, only what the acquisition does next."""
    return isinstance(action, (*ALWAYS, Arm, Resume, Skip))
