"""Hunt: scan positions at little light, and come back to the interesting ones with more."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import Acquire, SetPositions
from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError
from stentor.core.frame import ASKED, FrameHeader
from stentor.core.microscope import Microscope


class Catch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One image that is taken of what was found.

    Attributes
    ----------
    channel, group
        Preset and its group; `channel` None: that of the image in which it was found, by name where another catch of
        the row names one, else as it is. A microscope without a group
        "Channel" takes its channel group for that, whatever its name.
    exposure_ms
        None: that of the image in which it was found.
    z_offsets_um
        Planes around the height of the scan.
    """

    channel: str | None = None
    group: str = "Channel"
    exposure_ms: Annotated[float, Meta(gt=0)] | None = None
    z_offsets_um: tuple[float, ...] = (0.0,)


class HuntSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to look, for what, and what to do about it.

    Attributes
    ----------
    when
        What makes a position interesting; see docs/how-to/rules.md.
    positions_um
        Where to scan, (x_um, y_um) each; empty: where the acquisition goes anyway.
    catch
        Images to take there, in order.
    again_s
        Come back to a position no sooner than this, within a run.
    most
        So many catches in all, of whatever run; None: no limit.
    """

    when: str
    positions_um: tuple[tuple[float, float], ...] = ()
    catch: tuple[Catch, ...]
    again_s: Annotated[float, Meta(ge=0)] = 60.0
    most: Annotated[int, Meta(ge=1)] | None = None


class Hunt:
    """Asks for events at the places whose results satisfy a condition, in an adaptive acquisition.

    A new run scans nothing that it is not asked for: it is asked again.
    """

    Settings = HuntSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: HuntSettings = settings
        if not settings.catch:
            raise ConfigError("`catch` is empty: nothing would be taken of what is found")
        self._condition = Expression(settings.when, where="when")
        self.conditions = (self._condition,)
        self.asks = (
            *([SetPositions(positions_um=settings.positions_um)] if settings.positions_um else []),
            Acquire(events=tuple(_event(catch) for catch in settings.catch)),
        )
        self._names_channel = any(catch.channel is not None for catch in settings.catch)
        self._run = ""
        self._is_scanning = False
        self._caught_ns: dict[int | None, int] = {}
        self._catches = 0

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Begin the scan, or judge a position of it."""
        settings, frame = self._settings, result.frame
        if frame.frame_id.run != self._run:  # which has a clock and an agenda of its own
            self._run, self._is_scanning, self._caught_ns = frame.frame_id.run, not settings.positions_um, {}
        if not self._is_scanning:
            receipt = microscope.visit(settings.positions_um, because=result, reason="the scan begins")
            self._is_scanning = receipt.verdict in ("done", "dry-run")  # otherwise the next result asks again
            return
        if ASKED in frame.axes or (settings.most is not None and self._catches >= settings.most):
            return
        place = frame.stage
        if (
            place.x_um is None
            or place.y_um is None
            or not self._is_due(frame.p, frame.received_ns)
            or not self._condition.is_true(result)
        ):
            return
        events = [
            {
                "x_pos": place.x_um,
                "y_pos": place.y_um,
                **({} if place.z_um is None else {"z_pos": place.z_um + offset_um}),
                **_event(catch, frame, names_channel=self._names_channel),
                "index": {"p": frame.p or 0},
            }
            for catch in settings.catch
            for offset_um in catch.z_offsets_um
        ]
        receipt = microscope.acquire(*events, because=result, rule=settings.when, reason=settings.when)
        if receipt.verdict in ("done", "dry-run"):
            self._caught_ns[frame.p] = frame.received_ns
            self._catches += 1

    def close(self) -> None:
        """Nothing to let go of."""

    def _is_due(self, position: int | None, now_ns: int) -> bool:
        caught_ns = self._caught_ns.get(position)
        return caught_ns is None or now_ns - caught_ns >= self._settings.again_s * NS_PER_S


def _event(catch: Catch, found_in: FrameHeader | None = None, *, names_channel: bool = False) -> dict[str, object]:
    """Return what an event of a catch is but for its place; what nobody says is left to the microscope."""
    channel, exposure_ms = catch.channel, catch.exposure_ms
    if found_in is not None:
        # Left out it would be that of the image before, and so of another catch.
        channel = found_in.channel if channel is None and names_channel else channel
        exposure_ms = found_in.exposure_ms if exposure_ms is None else exposure_ms
    return {
        **({} if channel is None else {"channel": {"config": channel, "group": catch.group}}),
        **({} if exposure_ms is None else {"exposure": exposure_ms}),
    }
