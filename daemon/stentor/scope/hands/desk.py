"""Desk: takes requests from any thread, and has them carried out by the one that holds the hardware."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from stentor.control.admission import OPERATOR, Admission, is_hands_off
from stentor.control.limits import Refusal
from stentor.control.settings import GuardSettings
from stentor.core.action import (
    Abort,
    Action,
    Alive,
    Arm,
    Describe,
    Disarm,
    GoOn,
    Pause,
    Receipt,
    Request,
    Resume,
    Skip,
    shortened,
)
from stentor.core.callback import guarded_callback
from stentor.core.clock import NS_PER_MS, NS_PER_S, Clock
from stentor.core.errors import ConfigError
from stentor.scope.barrier import Moment
from stentor.scope.hands.answers import Answers, Reply
from stentor.scope.hands.course import Course
from stentor.scope.hands.flood import Flood, Log
from stentor.scope.hands.own_row import own_row
from stentor.scope.hands.performer import DRY, Done, Performer
from stentor.scope.hands.vigil import Vigil
from stentor.scope.hands.waiting import Asked, Waiting

logger = logging.getLogger(__name__)

FLOOD_RULE: Final = "actions_per_s"
LONGEST_TEXT: Final = 1000
SHARE_NS: Final = 20 * NS_PER_MS
"""Of the hardware's time between two images that requests may take before an image that is due; one may take more."""


class Desk:
    """`take` from any thread; `serve` by the thread that holds the hardware, between two images.

    A request is answered once it is done, refused or has failed, always; the answer to an id that its asker has used
    before for the same is repeated, and nothing is done again.

    Parameters
    ----------
    abort
        Ends the acquisition; from any thread.
    log
        Told every request with its answer, signs of life, words to go on and questions how it stands excepted; of
        refusals of one asker by the same rule for the same kind of action the first, then one a minute with how many
        there were.
    """

    def __init__(
        self,
        settings: GuardSettings,
        performer: Performer,
        clock: Clock,
        *,
        abort: Callable[[], None],
        log: Log,
    ) -> None:
        self._settings = settings
        self._performer = performer
        self._clock = clock
        self._abort = abort
        # A log or a driver that raises what nobody thought of must cost neither the answer nor the acquisition.
        self._log = guarded_callback(log, name="the decision log")
        self._attempt = guarded_callback(self._carry_out, name="a request")
        self._make_safe = guarded_callback(self._set_what_is_safe)
        self._admission = Admission(settings, clock)
        self._lock = threading.Lock()
        self._waiting = Waiting()
        self._answers = Answers()
        self._flood = Flood(clock)
        self._vigil = Vigil(settings, clock, self._log)
        self._course: Course | None = None

    @property
    def course(self) -> Course | None:
        """The acquisition that requests may change; None: there is none, or it runs a fixed sequence."""
        return self._course

    @course.setter
    def course(self, course: Course | None) -> None:
        with self._lock:
            self._course = course
            self._vigil.hold(course)  # somebody may have fallen silent before

    @property
    def is_armed(self) -> bool:
        """Whether requests may reach the hardware."""
        return self._admission.is_armed

    @property
    def is_asked(self) -> bool:
        """Whether something waits for `serve`."""
        return self._vigil.is_safe_wanted.is_set() or not self._waiting.is_empty

    def take(self, request: Request, reply: Reply) -> None:
        """Answer at once what touches no hardware or is refused; hand the rest to the thread that holds it."""
        received_ns = self._clock.monotonic_ns()
        with self._lock:
            if self._answers.is_taken(request):
                text = f"id {request.id!r} was used for another action; give every request an id of its own"
                self._tell(request, self._receipt(request, received_ns, Done("refused", "id", text, {}), None), [reply])
                return
            if self._answers.repeats(request, reply):
                return
            refusal = self._admission.judge(request)
            if isinstance(request.action, GoOn) and refusal is None:
                refusal = self._open_barrier(request.action, request.cause.controller)
            if isinstance(request.action, Resume) and refusal is None:
                refusal = self._vigil.refuses_resume(request.cause.controller)
            if isinstance(request.action, (Alive, GoOn, Describe)) and refusal is None:
                said = self._described() if isinstance(request.action, Describe) else {}
                reply(self._receipt(request, received_ns, Done("done", "", "", said), None))
                return
            self._answers.open(request, reply)
        if refusal is not None:
            self._answer(request, received_ns, Done("refused", refusal.rule, refusal.text, {}))
        elif is_hands_off(request.action):
            self._answer(request, received_ns, self._obey(request.action, request.cause.controller))
        elif self.course is None:
            text = 'the acquisition runs a fixed sequence; mode = "adaptive" or "live" takes requests'
            self._answer(request, received_ns, Done("refused", "mode", text, {}))
        elif (full := self._waiting.put(Asked(request, received_ns))) is not None:
            self._answer(request, received_ns, Done("refused", FLOOD_RULE, full, {}))
        elif self.course is None:
            self._turn_away()  # it ended between the look and the queue, and nobody would look there again

    def serve(self, timeout_s: float) -> None:
        """Carry out what waits, and what comes within `timeout_s`; returns soon after the first that came.

        By the thread that holds the hardware. What is left when the time is over waits for the next call: requests
        slower than they come must not keep images away.
        """
        deadline_ns = self._clock.monotonic_ns() + max(int(timeout_s * NS_PER_S), SHARE_NS)
        self._work(deadline_ns)
        if timeout_s > 0 and self._waiting.wait(timeout_s):
            self._work(deadline_ns)

    def watch(self) -> None:
        """Do what the settings say when somebody falls silent; called a few times a second by one thread."""
        with self._lock:
            for who in self._waiting.whose():  # who waits for the hardware cannot give signs of life
                self._admission.excuse(who)
            for who in self._admission.silent():
                self._vigil.miss(who, self.course)
                if self._vigil.is_safe_wanted.is_set():
                    self._disarm()
            back = (who for who in self._vigil.missed if self._admission.hears(who) or self._admission.has_left(who))
            self._vigil.meet(frozenset(back), self.course)
        if self._vigil.is_safe_wanted.is_set():
            self._waiting.wake()
        for row in self._flood.due():
            self._log(*row)

    def note_overdue(self, moment: Moment) -> None:
        """Log that the acquisition went on from a moment at which nobody decided in time."""
        t, p = moment
        self._note_own(GoOn(t=t, p=p), "barrier", f"nobody decided in time at time point {t}, position {p}")

    def close(self) -> None:
        """Refuse what still waits."""
        self.course = None
        self._turn_away()
        for row in self._flood.rest():
            self._log(*row)

    def _turn_away(self) -> None:
        while (asked := self._waiting.pop()) is not None:
            self._answer(*asked, Done("failed", "", "the acquisition has ended", {}))

    def _work(self, deadline_ns: int) -> None:
        if self._vigil.is_safe_wanted.is_set():
            self._vigil.is_safe_wanted.clear()
            self._make_safe()
        while (course := self.course) is not None and (asked := self._waiting.pop()) is not None:
            started_ns = self._clock.monotonic_ns()
            refusal = self._admission.lapsed(asked.request)  # it may have waited long
            if refusal is None:
                self._answer(*asked, self._done(asked.request, course), started_ns)
            else:
                self._answer(*asked, Done("refused", refusal.rule, refusal.text, {}))
            self._waiting.answered()
            if self._clock.monotonic_ns() >= deadline_ns:
                return

    def _set_what_is_safe(self) -> None:
        for action, refusal in self._performer.make_safe():
            self._note_own(action, "silence_s", "guard.safe", refusal)

    def _open_barrier(self, action: GoOn, who: str) -> Refusal | None:
        if self.course is not None:
            try:
                self.course.go_on((action.t, action.p), who)
            except ConfigError as err:
                return Refusal("barrier", str(err))
            self._waiting.wake()
        return None

    def _done(self, request: Request, course: Course) -> Done:
        said: list[Done] = []
        self._attempt(request, course, said)
        error = self._attempt.last_error
        return said[0] if said else Done("failed", "", f"{type(error).__name__}: {error}", {})

    def _carry_out(self, request: Request, course: Course, said: list[Done]) -> None:
        said.append(self._performer.carry_out(request, course))

    def _obey(self, action: Action, who: str) -> Done:
        course = self.course
        if self._settings.dry_run and who != OPERATOR and isinstance(action, (Abort, Pause, Resume, Skip)):
            return DRY
        match action:
            case Abort():
                self._abort()
            case Pause() if course is not None:
                with self._lock:
                    self._vigil.wants_pause(who)
                    course.pause()
            case Resume() if course is not None:
                with self._lock:
                    self._vigil.wants_resume()
                    self._vigil.release(course)
                    course.resume()
            case Skip() if course is not None:
                course.skip()
            case Pause() | Resume() | Skip():
                return Done("refused", "mode", 'only mode = "adaptive" or "live" can do that', {})
            case Arm():
                with self._lock:
                    self._vigil.release(course)
                logger.info("armed: requests may reach the hardware")
            case Disarm():
                self._disarm()
                logger.info("disarmed: no request reaches the hardware")
        return Done("done", "", "", {})

    def _disarm(self) -> None:
        self._admission.disarm()
        if self.course is not None:
            self.course.drop_asked()

    def _described(self) -> dict[str, int | float | str]:
        course = self.course
        held_up = {"held_up_by": self._vigil.held_up_by} if self._vigil.held_up_by else {}
        return {
            "armed": int(self.is_armed),
            "dry_run": int(self._settings.dry_run),
            **({} if course is None else {"paused": int(course.is_paused)}),
            **held_up,
        }

    def _note_own(self, action: Action, rule: str, reason: str, refusal: Refusal | None = None) -> None:
        self._log(*own_row(action, self._clock, who="guard", rule=rule, reason=reason, refusal=refusal))

    def _answer(self, request: Request, received_ns: int, done: Done, started_ns: int | None = None) -> None:
        receipt = self._receipt(request, received_ns, done, started_ns)
        with self._lock:
            replies = self._answers.close(request, receipt)
        self._tell(request, receipt, replies)

    def _tell(self, request: Request, receipt: Receipt, replies: Sequence[Reply]) -> None:
        if receipt.verdict != "refused" or self._flood.is_first(request, receipt):
            self._log(request, receipt)
        for reply in replies:
            reply(receipt)

    def _receipt(self, request: Request, received_ns: int, done: Done, started_ns: int | None) -> Receipt:
        return Receipt(
            id=request.id,
            verdict=done.verdict,
            rule=done.rule,
            text=shortened(done.text, LONGEST_TEXT),  # it may repeat a request of 1 MB, and is remembered
            read_back=done.read_back,
            received_ns=received_ns,
            started_ns=started_ns,
            done_ns=self._clock.monotonic_ns(),
            clock_id=self._clock.clock_id,
        )
