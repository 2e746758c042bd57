"""Plain calls: what an action comes down to, in device calls, as far as no device need be asked for it."""

from stentor.control.device_call import DeviceCall, Drive, Expose, SetTime, SetValue, Standing
from stentor.core.action import (
    Action,
    MoveXY,
    MoveZ,
    PulseShutter,
    SetExposure,
    SetInterval,
    SetPositions,
    SetProperty,
)
from stentor.core.errors import ConfigError


def plain_calls(action: Action, standing: Standing) -> list[DeviceCall]:
    """Return the device calls of an action, judged and made in this order; one that comes down to others has none.

    Raises
    ------
    ConfigError
        If it is a step from where nobody knows, or a position of too many numbers.
    """
    match action:
        case MoveXY(x_um=x_um, y_um=y_um, is_relative=is_relative):
            from_um = (standing.x_um, standing.y_um) if is_relative else (0.0, 0.0)
            return [Drive(x_um=_sum(from_um[0], x_um), y_um=_sum(from_um[1], y_um))]
        case MoveZ(z_um=z_um, is_relative=is_relative):
            return [Drive(z_um=_sum(standing.z_um if is_relative else 0.0, z_um))]
        case SetExposure(exposure_ms=exposure_ms):
            return [SetTime(exposure_ms=exposure_ms)]
        case SetInterval(interval_ms=interval_ms):
            return [SetTime(interval_ms=interval_ms)]
        case SetProperty(device=device, property=name, value=value):
            return [SetValue(device=device, property=name, value=value)]
        case PulseShutter(duration_ms=duration_ms):
            return [Expose(duration_ms=duration_ms)]
        case SetPositions(positions_um=positions):
            return [_place(place) for place in positions]
        case _:
            return []


def _place(place: tuple[float, ...]) -> Drive:
    """Return the drive to (x_um, y_um) or (x_um, y_um, z_um)."""
    if len(place) not in (2, 3):
        raise ConfigError(f"a position is (x_um, y_um) or (x_um, y_um, z_um), not {place}")
    return Drive(x_um=place[0], y_um=place[1], z_um=place[2] if len(place) == 3 else None)


def _sum(start_um: float | None, step_um: float) -> float:
    if start_um is None:
        raise ConfigError("the drive does not say where it stands; only absolute moves are possible")
    return start_um + step_um
