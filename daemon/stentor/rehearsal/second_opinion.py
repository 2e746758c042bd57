"""Second opinion: what a controller decides on what was seen then, beside what was decided then."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stentor.client.result import Result
from stentor.core.action import Action, GoOn, Receipt, Request
from stentor.core.clock import FakeClock
from stentor.core.errors import StageError
from stentor.core.frame import FrameId
from stentor.core.microscope import Microscope
from stentor.pipeline.plugin_call import call_plugin
from stentor.record.decision_text import action_words
from stentor.record.decisions import Decision
from stentor.record.payloads import in_json
from stentor.rehearsal.left_out import LeftOut
from stentor.service.controllers import build_controller


@dataclass(frozen=True, slots=True)
class Opinion:
    """What was decided on one frame, then and now; a controller that cannot decide says why as `fault`."""

    frame_id: FrameId
    then: tuple[Action, ...]
    now: tuple[Action, ...]
    fault: str | None = None

    @property
    def differs(self) -> bool:
        """Whether the two are not the same actions in the same order."""
        return [in_json(action) for action in self.then] != [in_json(action) for action in self.now]


class SecondOpinion:
    """Asks one controller again; used once: iterate.

    Requests that were made then are answered as they were then. Of refusals that the log only counts the kind alone is
    compared. Others are answered as done, for nobody knows better: from the first difference on the microscope would
    have shown something else.

    Parameters
    ----------
    table
        The controller's table in a configuration, which may have been changed since.
    name
        Under which it decided.
    seen
        The results that it is shown, in order.
    decisions
        Of the session.

    Attributes
    ----------
    left_out
        The refusals that the log only counts.

    Raises
    ------
    ConfigError
        If the table makes no controller.
    """

    def __init__(
        self, table: Mapping[str, Any], name: str, seen: Iterable[Result], decisions: Iterable[Decision]
    ) -> None:
        self._name = name
        self._controller = build_controller(0, table)
        self._seen = seen
        self._clock = FakeClock()
        self._microscope = Microscope(self._answer, self._clock, controller=name)
        self._then: dict[FrameId, list[Decision]] = defaultdict(list)
        # Words to go on are logged only where they were refused, and are no decisions.
        mine = [
            decision
            for decision in decisions
            if decision.cause.controller == name and not isinstance(decision.action, GoOn)
        ]
        for decision in mine:
            if decision.cause.frame_id is not None:
                self._then[decision.cause.frame_id].append(decision)
        self.left_out = LeftOut(mine)
        self._now: list[Action] = []
        self._before: list[Action] = []

    def __iter__(self) -> Iterator[Opinion]:
        for result in self._seen:
            yield self._ask_again(result)
        call_plugin(self._name, self._controller.close)

    def _ask_again(self, result: Result) -> Opinion:
        frame = result.frame
        later_ms = (frame.received_ns - self._clock.monotonic_ns()) / 1e6
        self._clock.advance(ms=max(0.0, later_ms))
        decided = self._then.get(frame.frame_id, [])
        self.left_out.see(decided)
        self._now, self._before, fault = [], [decision.action for decision in decided], None
        try:
            call_plugin(self._name, lambda: self._controller.on_result(result, self._microscope))
        except StageError as err:
            fault = str(err)
        return Opinion(frame.frame_id, tuple(self._before), tuple(self._now), fault)

    def _answer(self, request: Request, timeout_s: float) -> Receipt:
        if isinstance(request.action, GoOn):
            return self._receipt(request, None)
        asked, frame_id = in_json(request.action), request.cause.frame_id
        decided = [] if frame_id is None else self._then.get(frame_id, [])
        then = next((one for one in decided if in_json(one.action) == asked), None)
        if then is None and (then := self.left_out.find(request.action)) is not None:
            self._before.insert(len(self._now), request.action)
        self._now.append(request.action)
        return self._receipt(request, then)

    def _receipt(self, request: Request, then: Decision | None) -> Receipt:
        if then is None:
            now_ns = self._clock.monotonic_ns()
            return Receipt(id=request.id, verdict="done", received_ns=now_ns, done_ns=now_ns, clock_id="recorded")
        return Receipt(
            id=request.id,
            verdict=then.verdict,
            rule=then.guard_rule,
            text=then.text,
            read_back=then.read_back,
            received_ns=then.received_ns,
            started_ns=then.started_ns,
            done_ns=then.done_ns,
            clock_id="recorded",
        )


def opinion_lines(opinions: SecondOpinion) -> Iterator[str]:
    """Yield what differs, frame by frame, then how much of all."""
    frames = before = after = differing = 0
    fault = ""
    for opinion in opinions:
        frames += 1
        before, after = before + len(opinion.then), after + len(opinion.now)
        differing += opinion.differs
        fault = fault or opinion.fault or ""
        if opinion.differs:
            yield f"{opinion.frame_id}"
            yield f"    then: {_words(opinion.then)}"
            yield f"    now:  {_words(opinion.now)}"
    if fault:
        yield f"it could not decide on some: {fault}"
    yield f"{frames} results seen, {before} requests then, {after} now, different on {differing}"
    left_out = opinions.left_out
    if left_out.found:
        yield f"{left_out.found} of them were refused and only counted, so that no more than their kind is compared"
    if left_out.missing:
        yield f"{left_out.missing} more were refused then, which are not asked for now"


def _words(actions: tuple[Action, ...]) -> str:
    return "; ".join(map(action_words, actions)) or "nothing"
