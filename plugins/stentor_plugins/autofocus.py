"""Autofocus: keep the image sharp by small steps of the focus within a range."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import MoveZ, Receipt
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError, StageError
from stentor.core.microscope import Microscope


class AutofocusSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to search, and when to rest.

    Attributes
    ----------
    score
        Score to raise, larger being sharper; the stage `quality` gives "focus".
    range_um
        Never further than this from where it began, up or down; the guard's limits hold as well.
    step_um, least_step_um
        First step, and the smallest: the search ends below it.
    drop
        While it rests, a score lower than the best by this share begins a new search.
    channel
        Judge frames of this channel only; None: all.
    """

    score: str = "focus"
    range_um: Annotated[float, Meta(gt=0)] = 10.0
    step_um: Annotated[float, Meta(gt=0)] = 2.0
    least_step_um: Annotated[float, Meta(gt=0)] = 0.4
    drop: Annotated[float, Meta(gt=0, lt=1)] = 0.15
    channel: str | None = None


class Autofocus:
    """Climbs: a step that helps is repeated, one that does not is taken back, turned round and halved."""

    Settings = AutofocusSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: AutofocusSettings = settings
        if settings.least_step_um > settings.step_um:
            raise ConfigError("least_step_um is larger than step_um")
        self.conditions = (Expression(f"score({settings.score!r})", where="score"),)
        self.asks = (MoveZ(z_um=0.0, is_relative=True),)  # how far is known later
        self._began_um: float | None = None
        self._best: tuple[float, float] | None = None
        """Highest score of this search, and the height where it was seen."""
        self._step_um = settings.step_um
        self._rests = False
        self._moved_ns = 0

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a frame, and step."""
        frame, settings = result.frame, self._settings
        z_um = frame.stage.z_um
        if z_um is None or frame.received_ns < self._moved_ns or settings.channel not in (None, frame.channel):
            return
        score = result.score(settings.score)
        if score is None:
            raise StageError(f"the plan gives no score {settings.score!r}; add the stage `quality`")
        if self._began_um is None:
            self._began_um = z_um
        if self._best is None:
            self._best = (score, z_um)
            self._go(z_um + self._step_um, result, microscope)
        elif self._rests:
            self._watch(score, z_um, result, microscope)
        else:
            self._climb(score, z_um, result, microscope)

    def close(self) -> None:
        """Nothing to let go of."""

    def _watch(self, score: float, z_um: float, result: SeenResult, microscope: Microscope) -> None:
        assert self._best is not None
        if score < (1 - self._settings.drop) * self._best[0]:
            self._rests, self._best, self._step_um = False, (score, z_um), self._settings.step_um
            self._go(z_um + self._step_um, result, microscope)

    def _climb(self, score: float, z_um: float, result: SeenResult, microscope: Microscope) -> None:
        assert self._best is not None
        if score > self._best[0]:
            self._best = (score, z_um)
        else:
            self._step_um = -self._step_um / 2
        if abs(self._step_um) < self._settings.least_step_um:
            self._rests = True
            self._go(self._best[1], result, microscope)
        else:
            self._go(self._best[1] + self._step_um, result, microscope)

    def _go(self, z_um: float, result: SeenResult, microscope: Microscope) -> None:
        assert self._began_um is not None
        low, high = self._began_um - self._settings.range_um, self._began_um + self._settings.range_um
        reason = "as sharp as it gets" if self._rests else f"a step of {self._step_um:g} um"
        receipt = microscope.move_z(min(max(z_um, low), high), because=result, reason=reason)
        self._note(receipt)

    def _note(self, receipt: Receipt) -> None:
        if receipt.is_done and receipt.done_ns is not None:
            self._moved_ns = receipt.done_ns
        else:
            # At a limit: the other direction, from the best so far.
            self._step_um = -self._step_um / 2
