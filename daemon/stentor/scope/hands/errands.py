"""Errands: what each action comes down to, in device calls from where the hardware stands now."""

from typing import TYPE_CHECKING

from stentor.control.device_call import DeviceCall, Standing
from stentor.control.plain_calls import plain_calls
from stentor.core.action import Action, MoveXY, MoveZ, PulseShutter, SetChannel, SetExposure, SetPositions, SetProperty
from stentor.core.errors import ConfigError
from stentor.scope.hands.event_calls import preset_call
from stentor.scope.readiness import check_channel, check_exposure, check_property

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
        case MoveXY():
            _needs(core.getXYStageDevice(), "xy drive")
        case MoveZ():
            _needs(core.getFocusDevice(), "focus drive")
        case SetChannel(preset=preset, group=group):
            group = core.getChannelGroup() if group is None else group
            check_channel(core, group, preset)
            return [preset_call(core, group, preset)]
        case SetProperty(device=device, property=name):
            if device in core.getLoadedDevices():  # one that is not is on no list
                check_property(core, device, name)
        case PulseShutter():
            _needs(core.getShutterDevice(), "shutter")
        case SetPositions(positions_um=positions):
            _needs(core.getXYStageDevice(), "xy drive")
            if not positions:
                raise ConfigError("no position to visit; `pause` takes no images")
            if any(len(place) == 3 for place in positions):
                _needs(core.getFocusDevice(), "focus drive")
        case SetExposure(exposure_ms=exposure_ms):
            check_exposure(exposure_ms)
    return plain_calls(action, standing)


def _needs(device: str, what: str) -> None:
    if not device:
        raise ConfigError(f"this microscope has no {what}")
