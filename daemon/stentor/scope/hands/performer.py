"""Performer: carries requests out on the hardware, each judged by the guard first, and reads back what came of it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from stentor.control.device_call import DeviceCall, SetValue
from stentor.control.guard import Guard
from stentor.control.limits import Refusal
from stentor.control.settings import GuardSettings
from stentor.core.action import (
    Acquire,
    Action,
    Extend,
    ProjectMask,
    Request,
    SetExposure,
    SetInterval,
    SetPositions,
    SetProperty,
    SetRoi,
    Verdict,
)
from stentor.core.errors import ConfigError, RecordError
from stentor.scope.hands.asked_events import events_of
from stentor.scope.hands.course import Course
from stentor.scope.hands.drivers import Drivers, asking_devices
from stentor.scope.hands.errands import calls_of
from stentor.scope.hands.event_calls import calls_of_event
from stentor.scope.hands.projection import Projection
from stentor.scope.hands.whereabouts import Whereabouts
from stentor.scope.settings import ProjectorSettings

if TYPE_CHECKING:
    import pymmcore
    import useq

logger = logging.getLogger(__name__)

UNCALIBRATED: Final = ProjectorSettings()


class Done(NamedTuple):
    """What came of a request; see `Receipt`."""

    verdict: Verdict
    rule: str
    text: str
    read_back: dict[str, int | float | str]


DRY: Final = Done("dry-run", "", "allowed; nothing was done, for this is a dry run", {})


class Performer:
    """Used by the thread that holds the hardware.

    Parameters
    ----------
    projector
        Calibration of the SLM.
    on_change
        Called after the hardware has been changed.
    on_made
        Told the device calls that were made.
    """

    def __init__(
        self,
        settings: GuardSettings,
        core: "pymmcore.CMMCore",
        guard: Guard,
        drivers: Drivers,
        whereabouts: Whereabouts,
        *,
        projector: ProjectorSettings = UNCALIBRATED,
        on_change: Callable[[], None],
        on_made: Callable[[Sequence[DeviceCall]], None] = lambda calls: None,
    ) -> None:
        self._on_made = on_made
        self._projection = Projection(core, drivers, projector)
        self._settings = settings
        self._core = core
        self._guard = guard
        self._drivers = drivers
        self._whereabouts = whereabouts
        self._on_change = on_change

    def carry_out(self, request: Request, course: Course) -> Done:
        """Judge a request and do it; never raises for what a device says."""
        self._whereabouts.refresh()
        verdict, rule, text, said = self._try(request, course)
        is_changed = verdict in ("done", "failed") and not _is_of_course(request.action)
        return Done(verdict, rule, text, {**self._read_back(), **said} if is_changed else said)

    def make_safe(self) -> Iterator[tuple[SetProperty, Refusal | None]]:
        """Set what the settings call safe, whatever the limits say; yields each as it is set, or why it could not."""
        for name, value in self._settings.safe.items():
            device, _, key = name.partition(".")
            refusal = None
            try:
                self._drivers.make(SetValue(device=device, property=key, value=value))
            except RuntimeError as err:
                logger.error("guard.safe: %s could not be set to %r: %s", name, value, err)
                refusal = Refusal("device", str(err))
            yield SetProperty(device=device, property=key, value=value), refusal
        self._read_back()

    def _try(self, request: Request, course: Course) -> Done:
        action = request.action
        try:
            calls, events = self._plan(action)
        except (ConfigError, RuntimeError) as err:
            return Done("refused", "request", str(err), {})
        is_booked = not self._settings.dry_run and not _is_of_course(action)
        refusal = self._judge(calls, is_booked=is_booked)
        if refusal is not None:
            return Done("refused", refusal.rule, refusal.text, {})
        if self._settings.dry_run:
            return DRY
        try:
            said = self._do(action, calls, events, course)
        except ConfigError as err:
            return Done("refused", "mode", str(err), {})
        except RuntimeError as err:
            logger.warning("request %s of %s failed: %s", request.id, request.cause.controller, err)
            return Done("failed", "", str(err), {})
        return Done("done", "", "", said)

    @asking_devices()
    def _plan(self, action: Action) -> "tuple[list[DeviceCall], list[useq.MDAEvent]]":
        """Return the device calls of an action, and the events that it asks for, made once: there may be thousands."""
        if isinstance(action, ProjectMask):
            return self._projection.calls(action, self._guard.standing), []
        if isinstance(action, Acquire):
            events = events_of(action, self._core, self._guard.standing)
            return [call for event in events for call in calls_of_event(event, self._core)], events
        return calls_of(action, self._core, self._guard.standing), []

    def _judge(self, calls: list[DeviceCall], *, is_booked: bool) -> Refusal | None:
        try:
            # What an acquisition will image is judged now, and booked when it comes to it.
            return self._guard.admit(calls) if is_booked else self._guard.judge(calls)
        except RecordError as err:
            return Refusal("dose", f"the light account cannot be written: {err}")

    def _do(
        self, action: Action, calls: list[DeviceCall], events: "Sequence[useq.MDAEvent]", course: Course
    ) -> dict[str, int | float | str]:
        match action:
            case SetInterval(interval_ms=interval_ms):
                course.set_interval(interval_ms / 1000)
            case Acquire(place=place):
                return {"asked": course.ask(events, is_urgent=place == "now"), "images": len(events)}
            case SetPositions(positions_um=positions):
                course.visit(positions)
            case Extend(time_points=time_points):
                course.extend(time_points)
            case SetExposure(exposure_ms=exposure_ms) if course.set_exposure(exposure_ms):
                return {"exposure_ms": exposure_ms}
            case SetRoi():
                self._drivers.set_roi(action)
            case ProjectMask():
                self._projection.carry_out(action, calls)
            case _:
                for call in calls:
                    self._drivers.make(call)
                self._on_made(calls)
        return {}

    def _read_back(self) -> dict[str, int | float | str]:
        standing = self._whereabouts.read()
        self._on_change()
        if standing is None:
            return {}
        known: dict[str, int | float | str] = {
            axis: value
            for axis in ("x_um", "y_um", "z_um", "channel")
            if (value := getattr(standing, axis)) is not None
        }
        return {**known, **standing.values, **self._exposure()}

    def _exposure(self) -> dict[str, int | float | str]:
        try:
            with asking_devices():
                return {"exposure_ms": self._core.getExposure()}
        except RuntimeError as err:
            logger.warning("the camera does not say its exposure: %s", err)
            return {}


def _is_of_course(action: Action) -> bool:
    """Tell whether an action changes what will be imaged, and no hardware now."""
    return isinstance(action, (SetInterval, Acquire, SetPositions, Extend))
