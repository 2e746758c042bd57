"""Errands: what each action comes down to, in device calls from where the hardware stands now."""

from typing import TYPE_CHECKING

from stentor.control.device_call import DeviceCall, Drive, Expose, SetTime, SetValue, Standing
from stentor.core.action import (
    Action,
    MoveXY,
    MoveZ,
    PulseShutter,
    SetChannel,
    SetExposure,
    SetInterval,
    SetPositions,
    SetProperty,
)
from stentor.core.errors import ConfigError
from stentor.scope.hands.event_calls import preset_call
from stentor.scope.readiness import check_channel, check_property

if TYPE_CHECKING:
    import pymmcore


def calls_of(action: Action, core: "pymmcore.CMMCore", standing: Standing) -> list[DeviceCall]:
    """Return the device calls of an action, judged and made in this order; one that comes down to others has none.

    Raises
    ------
    ConfigError
        If the action names what this microscope does not have.
    """
    match action:
        case MoveXY(x_um=x_um, y_um=y_um, is_relative=is_relative):
            _needs(core.getXYStageDevice(), "xy drive")
            from_um = (standing.x_um, standing.y_um) if is_relative else (0.0, 0.0)
            return [Drive(x_um=_sum(from_um[0], x_um), y_um=_sum(from_um[1], y_um))]
        case MoveZ(z_um=z_um, is_relative=is_relative):
            _needs(core.getFocusDevice(), "focus drive")
            return [Drive(z_um=_sum(standing.z_um if is_relative else 0.0, z_um))]
        case SetExposure(exposure_ms=exposure_ms):
            return [SetTime(exposure_ms=exposure_ms)]
        case SetInterval(interval_ms=interval_ms):
            return [SetTime(interval_ms=interval_ms)]
        case SetChannel(preset=preset, group=group):
            group = core.getChannelGroup() if group is None else group
            check_channel(core, group, preset)
            return [preset_call(core, group, preset)]
        case SetProperty(device=device, property=name, value=value):
            if device in core.getLoadedDevices():  # one that is not is on no list
                check_property(core, device, name)
            return [SetValue(device=device, property=name, value=value)]
        case PulseShutter(duration_ms=duration_ms):
            _needs(core.getShutterDevice(), "shutter")
            return [Expose(duration_ms=duration_ms)]
        case SetPositions(positions_um=positions):
            _needs(core.getXYStageDevice(), "xy drive")
            if not positions:
                raise ConfigError("no position to visit; `pause` takes no images")
            return [place_call(place) for place in positions]
        case _:
            return []


def place_call(place: tuple[float, ...]) -> Drive:
    """Return the drive to (x_um, y_um) or (x_um, y_um, z_um)."""
    if len(place) not in (2, 3):
        raise ConfigError(f"a position is (x_um, y_um) or (x_um, y_um, z_um), not {place}")
    return Drive(x_um=place[0], y_um=place[1], z_um=place[2] if len(place) == 3 else None)


def _needs(device: str, what: str) -> None:
    if not device:
        raise ConfigError(f"this microscope has no {what}")


def _sum(start_um: float | None, step_um: float) -> float:
    if start_um is None:
        raise ConfigError("the drive does not say where it stands; only absolute moves are possible")
    return start_um + step_um
