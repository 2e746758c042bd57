"""Limits: judges one device call against ranges, steps, boxes and lists, and says what would be allowed."""

import math
from typing import TypeAlias

import msgspec

from stentor.control.device_call import (
    ApplyPreset,
    DeviceCall,
    Drive,
    Expose,
    SetTime,
    SetValue,
    ShowMask,
    Standing,
    Unbounded,
    name_of,
    number_of,
)
from stentor.control.settings import GuardSettings, PropertyLimits, Range, ZBox


class Refusal(msgspec.Struct, frozen=True):
    """The rule that a call breaks, and in words what would be allowed."""

    rule: str
    text: str


Breach: TypeAlias = Refusal | None


def breach_of(settings: GuardSettings, call: DeviceCall, standing: Standing, *, is_planned: bool) -> Refusal | None:
    """Return the rule that a call would break where the hardware stands, or None.

    Parameters
    ----------
    is_planned
        The call belongs to an acquisition that an operator planned: allow-lists and longest steps do not bind it,
        everything else does.
    """
    match call:
        case Drive():
            return _drive(settings, call, standing, is_planned=is_planned)
        case SetValue():
            return _value(settings, call, standing, is_planned=is_planned)
        case ApplyPreset():
            return _preset(settings, call, standing, is_planned=is_planned)
        case SetTime():
            return _time("exposure_ms", call.exposure_ms, settings.exposure_ms) or _time(
                "interval_ms", call.interval_ms, settings.interval_ms
            )
        case Expose():
            return _time("exposure_ms", call.duration_ms, settings.exposure_ms)
        case Unbounded():
            return _unbounded(settings, call)
        case ShowMask(device=device):
            return None if device in settings.devices else _unlisted(settings, device)


def _drive(settings: GuardSettings, call: Drive, standing: Standing, *, is_planned: bool) -> Breach:
    for axis, allowed in (("x_um", settings.x_um), ("y_um", settings.y_um), ("z_um", settings.z_um)):
        target = getattr(call, axis)
        if target is None:
            continue
        if breach := _outside(axis, target, allowed):
            return breach
    if not is_planned and (breach := _step(settings, call, standing)):
        return breach
    return next((found for box in settings.z_boxes if (found := _box(box, call, standing))), None)


def _outside(name: str, value: float, allowed: Range | None) -> Breach:
    if not math.isfinite(value):
        return Refusal(name, f"{name} = {value} is no number; give a finite one")
    if allowed is not None and not allowed[0] <= value <= allowed[1]:
        return Refusal(name, f"{name} = {value:g} is outside {allowed[0]:g} to {allowed[1]:g}")
    return None


def _step(settings: GuardSettings, call: Drive, standing: Standing) -> Breach:
    rules = (("xy_step_um", settings.xy_step_um, ("x_um", "y_um")), ("z_step_um", settings.z_step_um, ("z_um",)))
    for rule, longest, axes in rules:
        moved = [(getattr(call, axis), getattr(standing, axis)) for axis in axes if getattr(call, axis) is not None]
        if longest is None or not moved:
            continue
        if any(now is None for _, now in moved):
            return Refusal(rule, f"the drive does not say where it stands, so that no step up to {longest:g} is known")
        length = math.hypot(*(target - now for target, now in moved))
        if not length <= longest:
            return Refusal(rule, f"a step of {length:g} um; at most {longest:g} um at once")
    return None


def _box(box: ZBox, call: Drive, standing: Standing) -> Breach:
    """Refuse a drive that may bring the focus outside a box's range while the stage is in the box."""
    moves_xy = call.x_um is not None or call.y_um is not None
    if not (_may_touch(box.x_um, call.x_um, standing.x_um) and _may_touch(box.y_um, call.y_um, standing.y_um)):
        return None
    # A focus that is wrong already may be mended, with the stage at rest.
    heights = ([] if call.z_um is None else [call.z_um]) + ([standing.z_um] if moves_xy else [])
    for z_um in heights:
        if z_um is None or not box.z_um[0] <= z_um <= box.z_um[1]:
            shown = "unknown" if z_um is None else f"{z_um:g}"
            return Refusal(
                "z_boxes",
                f"z_um is {shown} on a way through x {box.x_um[0]:g} to {box.x_um[1]:g}, y {box.y_um[0]:g} to "
                f"{box.y_um[1]:g} um; there z_um may be {box.z_um[0]:g} to {box.z_um[1]:g}",
            )
    return None


def _may_touch(side: Range, target: float | None, now: float | None) -> bool:
    places = [place for place in (target, now) if place is not None]
    if now is None:
        return True
    return min(places) <= side[1] and max(places) >= side[0]


def _value(settings: GuardSettings, call: SetValue, standing: Standing, *, is_planned: bool) -> Breach:
    name = name_of(call)
    limits = settings.properties.get(name)
    if limits is not None:
        return _property(limits, call, standing, is_planned=is_planned)
    if is_planned or call.device in settings.devices:
        return None
    return _unlisted(settings, name)


def _unbounded(settings: GuardSettings, call: Unbounded) -> Breach:
    if call.reaches == "light" and settings.dose.budget_uj is not None:
        return Refusal("dose", f"nobody knows how long {call.what} lights; leave it or guard.dose.budget_uj out")
    rule = "z_um" if settings.z_um is not None else "z_boxes"
    if call.reaches == "z" and (settings.z_um is not None or settings.z_boxes):
        return Refusal(
            rule, f"{call.what} moves the focus where nobody can say beforehand; leave it out, or guard.{rule}"
        )
    return None


def _unlisted(settings: GuardSettings, name: str) -> Refusal:
    allowed = ", ".join([*settings.devices, *settings.properties]) or "none"
    return Refusal("devices", f"{name} is not on the list; allowed: {allowed}")


def _property(limits: PropertyLimits, call: SetValue, standing: Standing, *, is_planned: bool) -> Breach:
    name = name_of(call)
    if limits.values is not None and str(call.value) not in limits.values:
        return Refusal(name, f"{name} = {call.value!r}; allowed: {', '.join(limits.values)}")
    if limits.range is None and limits.step is None:
        return None
    try:
        value = number_of(call.value)
    except ValueError:
        return Refusal(name, f"{name} = {call.value!r} is no number, and only plain decimal ones are allowed")
    if breach := _outside(name, value, limits.range):
        return breach
    if limits.step is None or is_planned:
        return None
    try:
        change = abs(value - float(standing.values[name]))
    except (KeyError, ValueError):
        return Refusal(name, f"{name} is not known now, so that no step up to {limits.step:g} is known")
    if not change <= limits.step:
        return Refusal(name, f"{name} would change by {change:g}; at most {limits.step:g} at once")
    return None


def _preset(settings: GuardSettings, call: ApplyPreset, standing: Standing, *, is_planned: bool) -> Breach:
    if not is_planned:
        allowed = settings.presets
        if allowed is None and not call.is_channel:
            return Refusal("presets", f"group {call.group!r} is not on the list; only the channel group is")
        if allowed is not None and call.group not in allowed:
            return Refusal("presets", f"group {call.group!r} is not on the list; allowed: {', '.join(allowed)}")
        names = () if allowed is None else allowed[call.group]
        if names and call.preset not in names:
            return Refusal("presets", f"preset {call.preset!r} is not on the list; allowed: {', '.join(names)}")
    # What a preset sets was chosen by the operator who wrote it, but a property's limits hold for it as well.
    for setting in call.settings:
        if breach := breach_of(settings, setting, standing, is_planned=True):
            return breach
    return None


def _time(name: str, value_ms: float | None, allowed: Range) -> Breach:
    return None if value_ms is None else _outside(name, value_ms, allowed)
