"""Rule: a condition on results and what to do when it holds, for people who do not program."""

import logging
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import Action, Receipt
from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError
from stentor.core.microscope import Microscope

logger = logging.getLogger(__name__)


class RuleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule.

    Attributes
    ----------
    when
        The condition; see docs/how-to/rules.md.
    then
        The actions, in order, each a table with its `kind`. One that is refused stops the row; while the condition
        still says the same, the next result goes on with that one: what is done is not done twice. One that fails, or
        is not answered, may have been done in part, and ends the row.
    otherwise
        The actions when the condition held before and does not any more; they take the place of what of `then` is
        not done by then.
    frames
        So many results in a row must say the same before it counts.
    every_s
        While the condition goes on holding, `then` is done again so long after all of it was done; None: once.
    """

    when: str
    then: tuple[Action, ...]
    otherwise: tuple[Action, ...] = ()
    frames: Annotated[int, Meta(ge=1)] = 1
    every_s: Annotated[float, Meta(gt=0)] | None = None


class Rule:
    """Does `then` when the condition begins to hold, and `otherwise` when it ends.

    A run begins as if the condition had not held: its acquisition knows nothing of what was done in the last.
    """

    Settings = RuleSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: RuleSettings = settings
        if not settings.then:
            raise ConfigError("`then` is empty: the rule would do nothing")
        self._condition = Expression(settings.when, where="when")
        self.conditions = (self._condition,)
        self.asks: tuple[Action, ...] = (*settings.then, *settings.otherwise)
        self._run = ""
        self._holds = False
        self._streak = 0
        self._left: tuple[Action, ...] = ()
        """What is still to be done of the row."""
        self._done_ns = 0
        self._said: tuple[str, ...] = ()
        """Which refusal the log has already."""

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a result, and act on a change."""
        if not self._condition.applies_to(result):
            return
        if result.frame.frame_id.run != self._run:
            self._run, self._holds, self._streak, self._left = result.frame.frame_id.run, False, 0, ()
        says = self._condition.is_true(result)
        self._streak = self._streak + 1 if says != self._holds else 0
        if self._streak >= self._settings.frames:
            self._holds, self._streak = says, 0
            self._left = self._settings.then if says else self._settings.otherwise
        elif self._holds and not self._left and self._is_due(result):
            self._left = self._settings.then
        if says == self._holds:
            self._act(result, microscope)

    def close(self) -> None:
        """Nothing to let go of."""

    def _is_due(self, result: SeenResult) -> bool:
        every_s = self._settings.every_s
        return every_s is not None and result.frame.received_ns - self._done_ns >= every_s * NS_PER_S

    def _act(self, result: SeenResult, microscope: Microscope) -> None:
        reason = f"{'' if self._holds else 'no longer '}{self._settings.when}"
        while self._left:
            action, *rest = self._left
            # What fails, or is not answered, may have been done half or whole: it is not asked for again.
            self._left, self._done_ns = (), result.frame.received_ns
            receipt = microscope.do(action, because=result, rule=self._settings.when, reason=reason)
            if receipt.verdict not in ("done", "dry-run"):
                self._left = (action, *rest) if receipt.verdict == "refused" else ()
                self._say(action, receipt)
                return
            self._left, self._said = tuple(rest), ()

    def _say(self, action: Action, receipt: Receipt) -> None:
        """Name a refusal in the log once, however often it is given."""
        refusal = (type(action).__name__, receipt.verdict, receipt.rule)
        if refusal != self._said:
            self._said = refusal
            logger.warning(
                "%s was %s by %s: %s", refusal[0], receipt.verdict, receipt.rule or "the device", receipt.text
            )
