"""Autofocus: keep the image sharp by small steps of the focus within a range."""

import math
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import MoveZ, Receipt
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError, StageError
from stentor.core.frame import ASKED
from stentor.core.microscope import Microscope

LIMITS: Final = ("z_um", "z_step_um", "z_boxes")
"""The guard's rules that speak against a height or a step; others speak against asking now."""


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
    """Climbs: a step that helps is repeated, one that does not is taken back, turned round and halved.

    A step that is against a limit does not help. One that is refused for another reason, such as before it is armed,
    is asked for again with the next result, and a search begins where its first step is done: until then somebody may
    turn the focus by hand. A new run begins with a search of its own.
    """

    Settings = AutofocusSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: AutofocusSettings = settings
        if settings.least_step_um > settings.step_um:
            raise ConfigError("least_step_um is larger than step_um")
        self.conditions = (Expression(f"score({settings.score!r})", where="score"),)
        self.asks = (MoveZ(z_um=min(settings.step_um, settings.range_um), is_relative=True),)  # the first step
        self._run = ""
        self._began_um: float | None = None
        self._best: tuple[float, float] | None = None
        """Highest score of this search, and the height where it was seen."""
        self._step_um = settings.step_um
        self._has_stepped = False
        """Whether a step is done that no frame has shown yet."""
        self._rests = False
        self._moved_ns = 0

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a frame of the acquisition's own, and step."""
        frame, settings = result.frame, self._settings
        self._enter(frame.frame_id.run)
        z_um = frame.stage.z_um
        # An image that was asked for in between lies where its asker wanted it, and the focus goes back after it.
        if ASKED in frame.axes or settings.channel not in (None, frame.channel):
            return
        if z_um is None or frame.received_ns < self._moved_ns:
            return
        score = result.score(settings.score)
        if score is None:
            raise StageError(f"the plan gives no score {settings.score!r}; add the stage `quality`")
        if math.isnan(score):  # says nothing, and as the best so far no other would ever be higher
            return
        if self._best is None or (self._rests and score < (1 - settings.drop) * self._best[0]):
            self._begin(score, z_um, result, microscope)
        elif not self._rests:
            self._climb(score, z_um, result, microscope)

    def close(self) -> None:
        """Nothing to let go of."""

    def _enter(self, run: str) -> None:
        if run != self._run:
            self._run, self._began_um, self._best, self._rests, self._moved_ns = run, None, None, False, 0

    def _begin(self, score: float, z_um: float, result: SeenResult, microscope: Microscope) -> None:
        began_um, step_um = z_um if self._began_um is None else self._began_um, self._settings.step_um
        receipt = self._ask(z_um + step_um, began_um, f"a step of {step_um:g} um", result, microscope)
        if receipt.verdict in ("done", "failed") or receipt.rule in LIMITS:
            self._began_um, self._best, self._step_um, self._rests = began_um, (score, z_um), step_um, False
            self._note(receipt)

    def _climb(self, score: float, z_um: float, result: SeenResult, microscope: Microscope) -> None:
        assert self._best is not None and self._began_um is not None
        if self._has_stepped:
            self._has_stepped = False
            if score > self._best[0]:
                self._best = (score, z_um)
            else:
                self._step_um = -self._step_um / 2
        best_um, step_um = self._best[1], self._step_um
        if abs(step_um) < self._settings.least_step_um:
            receipt = self._ask(best_um, self._began_um, "as sharp as it gets", result, microscope)
            self._rests = receipt.is_done or receipt.rule in LIMITS
        else:
            reason = f"a step of {step_um:g} um"
            self._note(self._ask(best_um + step_um, self._began_um, reason, result, microscope))

    def _ask(self, z_um: float, began_um: float, reason: str, result: SeenResult, microscope: Microscope) -> Receipt:
        low_um, high_um = began_um - self._settings.range_um, began_um + self._settings.range_um
        receipt = microscope.move_z(min(max(z_um, low_um), high_um), because=result, reason=reason)
        if receipt.is_done and receipt.done_ns is not None:
            self._moved_ns = receipt.done_ns
        return receipt

    def _note(self, receipt: Receipt) -> None:
        """Turn round before what cannot be passed; what was refused for another reason is asked for again."""
        self._has_stepped = receipt.is_done
        if receipt.rule in LIMITS:
            self._step_um = -self._step_um / 2
        elif receipt.verdict == "failed":  # a drive at its end, or one that will obey the next time
            self._step_um = -self._step_um
