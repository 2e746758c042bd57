"""Rule: a condition on results and what to do when it holds, for people who do not program."""

import logging
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import Action
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
        The actions, in order, each a table with its `kind`; what was refused or failed ends the row.
    otherwise
        The actions when the condition held before and does not any more.
    frames
        So many results in a row must say the same before it counts.
    every_s
        While the condition goes on holding, `then` is done again after so long; None: once.
    """

    when: str
    then: tuple[Action, ...]
    otherwise: tuple[Action, ...] = ()
    frames: Annotated[int, Meta(ge=1)] = 1
    every_s: Annotated[float, Meta(gt=0)] | None = None


class Rule:
    """Does `then` when the condition begins to hold, and `otherwise` when it ends."""

    Settings = RuleSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: RuleSettings = settings
        if not settings.then:
            raise ConfigError("`then` is empty: the rule would do nothing")
        self._condition = Expression(settings.when, where="when")
        self.conditions = (self._condition,)
        self.asks: tuple[Action, ...] = (*settings.then, *settings.otherwise)
        self._holds = False
        self._streak = 0
        self._done_ns = 0

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a result, and act on a change."""
        says = self._condition.is_true(result)
        self._streak = self._streak + 1 if says != self._holds else 0
        if self._streak >= self._settings.frames:
            self._holds, self._streak = says, 0
            self._act(self._settings.then if says else self._settings.otherwise, result, microscope)
        elif self._holds and self._is_due(result):
            self._act(self._settings.then, result, microscope)

    def close(self) -> None:
        """Nothing to let go of."""

    def _is_due(self, result: SeenResult) -> bool:
        every_s = self._settings.every_s
        return every_s is not None and result.frame.received_ns - self._done_ns >= every_s * NS_PER_S

    def _act(self, actions: tuple[Action, ...], result: SeenResult, microscope: Microscope) -> None:
        self._done_ns = result.frame.received_ns
        for action in actions:
            reason = f"{'' if self._holds else 'no longer '}{self._settings.when}"
            receipt = microscope.do(action, because=result, rule=self._settings.when, reason=reason)
            if receipt.verdict in ("refused", "failed"):
                logger.warning(
                    "%s was %s by %s: %s",
                    type(action).__name__,
                    receipt.verdict,
                    receipt.rule or "the device",
                    receipt.text,
                )
                return
