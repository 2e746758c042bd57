"""Event rate: an event raises the frame rate, and quiet lowers it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError
from stentor.core.microscope import Microscope


class EventRateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When to image fast.

    Attributes
    ----------
    when
        What calls for the fast rate; see docs/how-to/rules.md.
    slow_s, fast_s
        Interval of time points in quiet, and while something happens.
    hold_s
        How long to stay fast after the last sign.
    """

    when: str
    slow_s: Annotated[float, Meta(gt=0)]
    fast_s: Annotated[float, Meta(gt=0)]
    hold_s: Annotated[float, Meta(ge=0)] = 10.0


class EventRate:
    """Changes the interval of an adaptive or live acquisition."""

    Settings = EventRateSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: EventRateSettings = settings
        if settings.fast_s >= settings.slow_s:
            raise ConfigError(f"fast_s = {settings.fast_s:g} is not faster than slow_s = {settings.slow_s:g}")
        self._condition = Expression(settings.when, where="when")
        self._run = ""
        self._is_fast: bool | None = None
        self._sign_ns: int | None = None

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a result; the interval changes at the next time point."""
        settings, now_ns = self._settings, result.frame.received_ns
        if result.frame.frame_id.run != self._run:
            self._run, self._is_fast = result.frame.frame_id.run, None  # a new run begins at a rate of its own
        is_sign = self._condition.is_true(result)
        if is_sign:
            self._sign_ns = now_ns
        wants_fast = is_sign or (self._sign_ns is not None and now_ns - self._sign_ns < settings.hold_s * NS_PER_S)
        if wants_fast == self._is_fast:
            return
        reason = settings.when if wants_fast else f"quiet for {settings.hold_s:g} s"
        interval_s = settings.fast_s if wants_fast else settings.slow_s
        receipt = microscope.set_interval(interval_s, because=result, rule=settings.when, reason=reason)
        if receipt.verdict in ("done", "dry-run"):  # otherwise the next result asks again
            self._is_fast = wants_fast

    def close(self) -> None:
        """Nothing to let go of."""
