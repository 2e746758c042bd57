"""Event rate: an event raises the frame rate, and quiet lowers it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import SetInterval
from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError, StageError
from stentor.core.microscope import Microscope


class EventRateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When to image fast: either `when` or `which`.

    Attributes
    ----------
    when
        What calls for the fast rate; see docs/how-to/rules.md.
    which
        Condition on objects, such as "area_um2 < 100": every object of which it holds calls for the fast rate.
    longest_s
        With `which`, an object calls for so long and then no more, until it no longer holds of it for as long: a cell
        that dies looks like one that divides, but for hours. Needs a plan with `track`. None: as long as it holds.
    slow_s, fast_s
        Interval of time points in quiet, and while something happens.
    hold_s
        How long to stay fast after the last sign, and after the first result of a run: what is on its way already may
        not show in one image.
    """

    when: str | None = None
    which: str | None = None
    longest_s: Annotated[float, Meta(gt=0)] | None = None
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
        if (settings.when is None) == (settings.which is None):
            raise ConfigError("say what calls for the fast rate by `when` or `which`, one of them")
        if settings.longest_s is not None and settings.which is None:
            raise ConfigError("longest_s goes with `which`: it is counted for every object")
        self._text: str = settings.when or settings.which
        where = "when" if settings.which is None else "which"
        self._condition = Expression(self._text, where=where, of_objects=settings.which is not None)
        self.conditions = (self._condition,)
        self.asks = tuple(SetInterval(interval_ms=1000 * s) for s in (settings.slow_s, settings.fast_s))
        self._run = ""
        self._is_fast: bool | None = None
        self._last_sign = (0, "")
        """When, and what it was."""
        self._calls: dict[int, tuple[int, int]] = {}
        """By track, when it began to call, and when it called last."""

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Judge a result; the interval changes at the next time point."""
        if not self._condition.applies_to(result):
            return
        settings, now_ns = self._settings, result.frame.received_ns
        if result.frame.frame_id.run != self._run:  # which begins at a rate and with track numbers of its own
            self._run, self._is_fast, self._calls = result.frame.frame_id.run, None, {}
            self._last_sign = (now_ns, "a run begins")
        is_sign = self._is_sign(result)
        if is_sign:
            self._last_sign = (now_ns, self._text)
        sign_ns, sign = self._last_sign
        wants_fast = is_sign or now_ns - sign_ns < settings.hold_s * NS_PER_S
        if wants_fast == self._is_fast:
            return
        reason = sign if wants_fast else f"quiet for {settings.hold_s:g} s"
        interval_s = settings.fast_s if wants_fast else settings.slow_s
        receipt = microscope.set_interval(interval_s, because=result, rule=self._text, reason=reason)
        if receipt.verdict in ("done", "dry-run"):  # otherwise the next result asks again
            self._is_fast = wants_fast

    def close(self) -> None:
        """Nothing to let go of."""

    def _is_sign(self, result: SeenResult) -> bool:
        if self._settings.which is None:
            return self._condition.is_true(result)
        selected = self._condition.selects(result)
        if self._settings.longest_s is None:
            return bool(selected.any())
        if "track_id" not in result.objects and len(selected):
            raise StageError("longest_s needs the objects' tracks; add a stage `track`")
        longest_ns, now_ns = self._settings.longest_s * NS_PER_S, result.frame.received_ns
        self._calls = {track: call for track, call in self._calls.items() if now_ns - call[1] <= longest_ns}
        for track in result.objects["track_id"][selected].tolist():
            self._calls[track] = (self._calls.get(track, (now_ns, now_ns))[0], now_ns)
        return any(last_ns == now_ns and now_ns - began_ns < longest_ns for began_ns, last_ns in self._calls.values())
