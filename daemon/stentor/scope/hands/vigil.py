"""Vigil: holds the acquisition up while somebody who promised signs of life is silent, and lets it go on afterwards."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from stentor.control.admission import OPERATOR
from stentor.control.limits import Refusal
from stentor.control.settings import GuardSettings
from stentor.core.action import Pause, Receipt, Request, Resume
from stentor.core.clock import Clock
from stentor.scope.hands.course import Course
from stentor.scope.hands.own_row import own_row

logger = logging.getLogger(__name__)

MEANS: Final = {
    "continue": '"continue": the acquisition goes on',
    "pause": '"pause": no images until {who} is heard again; `stentor arm` ends the wait',
    "safe": '"safe": paused, disarmed and set to guard.safe until `stentor arm`',
}


class Vigil:
    """Called under the desk's lock, except `is_safe_wanted`.

    Attributes
    ----------
    is_safe_wanted
        Set when what the settings call safe is to be set by the thread that holds the hardware.
    """

    def __init__(self, settings: GuardSettings, clock: Clock, log: Callable[[Request, Receipt], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self._missed: set[str] = set()
        self._is_safe_held = False
        self._goes_on_by_itself = True
        self._is_paused_by_operator = False
        self.is_safe_wanted = threading.Event()

    @property
    def missed(self) -> frozenset[str]:
        """Who is silent and holds the acquisition up."""
        return frozenset(self._missed)

    def miss(self, who: str, course: Course | None) -> None:
        """Do what the settings say about somebody who has fallen silent."""
        how = self._settings.on_silence
        reason = f"{who} has been silent for {self._settings.silence_s:g} s"
        logger.warning("%s; guard.on_silence = %s", reason, MEANS[how].format(who=who))
        why = "it is to go on" if how == "continue" else "this is a dry run" if self._settings.dry_run else None
        if why is None:
            if not self._is_holding:
                self._goes_on_by_itself = course is None or not course.is_paused
            self._missed |= {who} if how == "pause" else set()
            self._is_safe_held |= how == "safe"
            self.hold(course)
            if how == "safe":
                self.is_safe_wanted.set()
            why = "no acquisition runs that could be held up" if course is None else None
        self._note(Pause(), f"{reason}: {how}", None if why is None else Refusal("on_silence", why))

    def hold(self, course: Course | None) -> None:
        """Hold an acquisition up if somebody has fallen silent, also one that begins only now."""
        if self._is_holding and course is not None:
            course.pause()

    def meet(self, back: frozenset[str], course: Course | None) -> None:
        """Note that some are heard again, or have said goodbye; the acquisition goes on when nobody is missed."""
        back &= self._missed
        self._missed -= back
        if back and not self._missed and not self._is_safe_held and self._goes_on_by_itself and course is not None:
            course.resume()
            reason = f"{', '.join(sorted(back))} is heard again: resume"
            logger.warning("%s", reason)
            self._note(Resume(), reason)

    def refuses_resume(self, who: str) -> Refusal | None:
        """Return why somebody may not let the acquisition go on; None: it is not held up, or they may."""
        if who == OPERATOR or not self._is_holding:
            return None
        whom = self.held_up_by
        return Refusal("silence_s", f"held up since {whom} fell silent; only an operator ends that, by `stentor arm`")

    def wants_pause(self, who: str) -> None:
        """Note that somebody wants it paused, whoever is heard again."""
        self._goes_on_by_itself = False
        self._is_paused_by_operator |= who == OPERATOR

    def wants_resume(self) -> None:
        """Note that somebody who may has ended the pause."""
        self._is_paused_by_operator = False

    def release(self, course: Course | None) -> None:
        """Let the acquisition go on at an operator's word, if it was held up here and no operator has paused it."""
        if self._is_holding and not self._is_paused_by_operator and course is not None:
            course.resume()
        self._missed.clear()
        self._is_safe_held = False
        self.is_safe_wanted.clear()

    @property
    def held_up_by(self) -> str:
        """Who is silent and holds the acquisition up, by name as far as that is known; empty: nobody."""
        return ", ".join(sorted(self._missed)) or ("somebody" if self._is_safe_held else "")

    @property
    def _is_holding(self) -> bool:
        return bool(self._missed) or self._is_safe_held

    def _note(self, action: Pause | Resume, reason: str, refusal: Refusal | None = None) -> None:
        self._log(*own_row(action, self._clock, who="guard", rule="silence_s", reason=reason, refusal=refusal))
