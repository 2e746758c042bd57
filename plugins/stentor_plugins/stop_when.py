"""Stop when: end the acquisition when a condition holds."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import Abort
from stentor.core.controller import SeenResult
from stentor.core.microscope import Microscope


class StopWhenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When it is enough.

    Attributes
    ----------
    when
        The condition; see docs/how-to/rules.md.
    frames
        It must hold for so many results in a row.
    """

    when: str
    frames: Annotated[int, Meta(ge=1)] = 3


class StopWhen:
    """Aborts once in every run; asks again while the answer is a refusal."""

    Settings = StopWhenSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: StopWhenSettings = settings
        self._condition = Expression(settings.when, where="when")
        self.conditions = (self._condition,)
        self.asks = (Abort(),)
        self._run = ""
        self._streak = 0
        self._is_over = False

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a result."""
        if not self._condition.applies_to(result):
            return
        if result.frame.frame_id.run != self._run:
            self._run, self._streak, self._is_over = result.frame.frame_id.run, 0, False
        self._streak = self._streak + 1 if self._condition.is_true(result) else 0
        if self._streak >= self._settings.frames and not self._is_over:
            receipt = microscope.abort(because=result, rule=self._settings.when, reason=self._settings.when)
            self._is_over = receipt.verdict in ("done", "dry-run")

    def close(self) -> None:
        """Nothing to let go of."""
