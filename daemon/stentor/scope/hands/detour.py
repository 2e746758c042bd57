"""Detour: leads an acquisition back to where it was after images that requests asked for in between."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, SetValue, Standing, name_of
from stentor.control.guard import Guard
from stentor.core.errors import RecordError
from stentor.scope.hands.drivers import Drivers, asking_devices
from stentor.scope.hands.event_calls import preset_call
from stentor.scope.hands.whereabouts import Whereabouts

if TYPE_CHECKING:
    import pymmcore

logger = logging.getLogger(__name__)


class Detour:
    """`begin` before the first image that was asked for, `end` after the last; by the thread that holds the hardware.

    Events of an acquisition may leave out where they are imaged and in which channel: then they mean here, and as it
    is. An image asked for in between must not change what that is; a move or a channel that is asked for meanwhile
    does, and `note` is told of it.

    Parameters
    ----------
    on_change
        Called after the way back: it is a move that no event asked for.
    """

    def __init__(
        self,
        core: "pymmcore.CMMCore",
        guard: Guard,
        drivers: Drivers,
        whereabouts: Whereabouts,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self._core = core
        self._guard = guard
        self._drivers = drivers
        self._whereabouts = whereabouts
        self._on_change = on_change
        self._before: Standing | None = None
        self._light_path: dict[str, str | float] = {}

    def begin(self) -> None:
        """Remember how the hardware stands, and each part of its light path: no preset may describe them together."""
        try:
            self._before = self._drivers.standing()
            self._light_path = {**self._drivers.values(self._guard.light_path)}
        except RuntimeError as err:
            logger.warning("the hardware does not say how it stands, so that there is no way back: %s", err)

    def note(self, calls: Sequence[DeviceCall]) -> None:
        """Take what a request has made of the hardware meanwhile for how the acquisition goes on."""
        if self._before is None:
            return
        self._before = self._guard.after(self._before, calls)
        for call in calls:
            for part in call.settings if isinstance(call, ApplyPreset) else (call,):
                if isinstance(part, SetValue) and name_of(part) in self._light_path:
                    self._light_path[name_of(part)] = part.value

    def end(self) -> None:
        """Go back; what cannot be undone is said, and the images that follow tell where they were taken."""
        before, self._before = self._before, None
        if before is None:
            return
        try:
            self._whereabouts.look_again()  # where the last of the images was truly taken
            calls = self._calls_back(before, self._drivers.standing())
            refusal = self._guard.admit(calls, is_planned=True)
            if refusal is not None:
                logger.error("the acquisition cannot go back to where it was: %s: %s", refusal.rule, refusal.text)
                return
            for call in calls:
                self._drivers.make(call)
        except (RuntimeError, RecordError) as err:
            logger.error("the acquisition could not go back to where it was: %s", err)
        self._whereabouts.read()  # a drive that failed on the way is not where the guard let it go
        try:
            with asking_devices():
                self._on_change()
        except RuntimeError as err:
            logger.error("the microscope does not say how it stands after the way back: %s", err)

    def _calls_back(self, before: Standing, now: Standing) -> list[DeviceCall]:
        calls: list[DeviceCall] = []
        if before.channel is None:
            here = self._drivers.values(self._light_path)
            for name, value in self._light_path.items():
                if str(value) != here[name]:
                    device, _, key = name.partition(".")
                    calls.append(SetValue(device=device, property=key, value=value))
        elif before.channel != now.channel:
            calls.append(preset_call(self._core, self._core.getChannelGroup(), before.channel))
        away = {
            axis: there
            for axis in ("x_um", "y_um", "z_um")
            if (there := getattr(before, axis)) is not None and there != getattr(now, axis)
        }
        if away:
            calls.append(Drive(**away))
        return calls
