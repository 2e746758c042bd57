"""Event calls: what an event of an acquisition makes the hardware do, in the guard's words."""

from typing import TYPE_CHECKING

from stentor.control.device_call import (
    ApplyPreset,
    DeviceCall,
    Drive,
    Expose,
    SetValue,
    Unbounded,
    name_of,
    number_of,
)
from stentor.scope.event_feed import asks_for_image

if TYPE_CHECKING:
    import pymmcore
    import useq


def calls_of_event(event: "useq.MDAEvent", core: "pymmcore.CMMCore") -> list[DeviceCall]:
    """Return the device calls of an event: preset, properties, drive, exposure."""
    calls: list[DeviceCall] = []
    if event.channel is not None:
        calls.append(preset_call(core, event.channel.group, event.channel.config))
    calls += [setting_call(core, *setting) for setting in event.properties or ()]
    if event.x_pos is not None or event.y_pos is not None or event.z_pos is not None:
        calls.append(Drive(x_um=event.x_pos, y_um=event.y_pos, z_um=event.z_pos))
    if event.action is not None and event.action.type == "hardware_autofocus":
        calls.append(Unbounded(reaches="z", what="an autofocus event"))
    if event.keep_shutter_open:
        calls.append(Unbounded(reaches="light", what="keep_shutter_open"))
    if asks_for_image(event):
        calls.append(Expose(duration_ms=core.getExposure() if event.exposure is None else event.exposure))
    return calls


def preset_call(core: "pymmcore.CMMCore", group: str, preset: str) -> ApplyPreset:
    """Return the call that applies a preset, with everything that it sets; an unknown one sets nothing."""
    settings: tuple[SetValue | Drive, ...] = ()
    if group in core.getAvailableConfigGroups() and preset in core.getAvailableConfigs(group):
        data = core.getConfigData(group, preset)
        settings = tuple(
            setting_call(core, one.getDeviceLabel(), one.getPropertyName(), one.getPropertyValue())
            for one in (data.getSetting(index) for index in range(data.size()))
        )
    return ApplyPreset(group=group, preset=preset, settings=settings, is_channel=group == core.getChannelGroup())


def setting_call(core: "pymmcore.CMMCore", device: str, name: str, value: str | float) -> SetValue | Drive:
    """Return the call that sets a property: the focus drive's position is a way of driving it."""
    if device == core.getFocusDevice() and name == "Position":
        try:
            return Drive(z_um=number_of(value))
        except ValueError:
            return Drive(z_um=float("nan"))  # nobody knows where that would be, so that every limit refuses it
    return SetValue(device=device, property=name, value=value)


def light_path_of(core: "pymmcore.CMMCore") -> frozenset[str]:
    """Return the properties, as "Device.Property", that any preset of the channel group sets."""
    group = core.getChannelGroup()
    presets = core.getAvailableConfigs(group) if group else ()
    calls = (call for preset in presets for call in preset_call(core, group, preset).settings)
    return frozenset(name_of(call) for call in calls if isinstance(call, SetValue))
