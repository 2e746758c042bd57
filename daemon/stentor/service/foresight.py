"""Foresight: what would be refused of an experiment whatever happens, known before anything runs."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import structs

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetTime, ShowMask, Standing
from stentor.control.dose import DoseAccount
from stentor.control.guard import Guard
from stentor.control.limits import Refusal
from stentor.control.plain_calls import plain_calls
from stentor.control.settings import DoseSettings, GuardSettings
from stentor.core.action import (
    Abort,
    Acquire,
    Action,
    Alive,
    Disarm,
    Extend,
    GoOn,
    MoveXY,
    MoveZ,
    ProjectMask,
    SetChannel,
    SetPositions,
)
from stentor.core.controller import Controller
from stentor.core.errors import ConfigError
from stentor.scope.simulated.settings import START_UM
from stentor.service.settings import Settings

NOT_OURS: Final = ("replay", "tap")
"""Kinds of rig whose images nobody asks a guard for."""

OF_AN_AGENDA: Final = (Acquire, SetPositions, Extend)
"""What live images have no place for."""

ALSO_OF_A_SEQUENCE: Final = (Abort, Disarm, Alive, GoOn)
"""What a fixed sequence can be asked for, too."""

ROUNDING: Final = 0.01
"""A rate is written with few digits: 0.0167 a second means one a minute."""


def refused_images(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each limit by which the acquisition's own images would never be taken.

    Nothing is said of what a sequence's events name themselves, and of microscopes that are not ours.
    """
    acquisition, guard = settings.acquisition, settings.guard
    if settings.rig.kind in NOT_OURS or acquisition.mode == "sequence":
        return
    if acquisition.rate_hz is not None:
        interval_ms = 1000.0 / acquisition.rate_hz
        nearest_ms = min(max(interval_ms, guard.interval_ms[0]), guard.interval_ms[1])
        refusal = refusal_of(settings, [SetTime(interval_ms=interval_ms)])
        if refusal is not None and abs(nearest_ms - interval_ms) > ROUNDING * interval_ms:
            yield (
                f"`acquisition.rate_hz` = {acquisition.rate_hz:g}: {refusal.text}; set it to {1000 / nearest_ms:g}, or "
                "widen `guard.interval_ms`"
            )
    if acquisition.sequence_file is not None:
        return
    image = [Expose(duration_ms=acquisition.exposure_ms)]
    refusal = refusal_of(settings, image, channel=settings.rig.channel, is_planned=True)
    if refusal is not None:
        yield (
            f"`acquisition.exposure_ms` = {acquisition.exposure_ms:g}: no image would be taken: {refusal.text}; expose "
            f"shorter or longer, or change `guard.{_key(refusal)}`"
        )
    yield from _outside_at_start(settings)


def _outside_at_start(settings: Settings) -> Iterator[str]:
    if settings.rig.kind != "simulated":  # where another stands at the start is not known
        return
    x_um, y_um, z_um = START_UM
    for call in (Drive(x_um=x_um), Drive(y_um=y_um), Drive(z_um=z_um)):
        refusal = refusal_of(settings, [call], is_planned=True)
        if refusal is not None:
            yield f"`guard.{refusal.rule}`: the simulated microscope starts outside: {refusal.text}; widen the limit"


def refused_wishes(settings: Settings, controller: Controller) -> Iterator[str]:
    """Yield a sentence for each action that a controller says it will ask for and that would be refused."""
    for action in getattr(controller, "asks", ()):
        if (fault := refused_action(settings, action)) is not None:
            yield fault


def refused_action(settings: Settings, action: Action) -> str | None:
    """Return a sentence on why an action would be refused, whenever a controller asks for it; None: it may be done."""
    mode, kind = settings.acquisition.mode, type(action).__struct_config__.tag
    if settings.rig.kind in NOT_OURS:
        return None
    if isinstance(action, OF_AN_AGENDA) and mode != "adaptive":
        return f'`{kind}` needs acquisition.mode = "adaptive"; it is "{mode}"'
    if mode == "sequence" and not isinstance(action, ALSO_OF_A_SEQUENCE):
        return f'`{kind}` needs acquisition.mode = "adaptive" or "live"; it is "sequence"'
    try:
        refusal = refusal_of(settings, list(_calls_of(settings, action)))
    except ConfigError as err:
        return f"`{kind}`: {err}"
    if refusal is None:
        return None
    return f"`{kind}` would be refused: {refusal.text}; ask for something else, or change `guard.{_key(refusal)}`"


def _calls_of(settings: Settings, action: Action) -> Iterator[DeviceCall]:
    """Yield the device calls of an action that are known without a device."""
    match action:
        case MoveXY(is_relative=True) | MoveZ(is_relative=True):
            return
        case SetChannel(preset=preset, group=group):
            yield from _preset(settings, group, preset)
        case ProjectMask(device=device, duration_ms=duration_ms, preset=preset, group=group):
            device = device or settings.rig.projector.device
            yield from [] if device is None else [ShowMask(device=device)]
            yield from [] if preset is None else _preset(settings, group, preset)
            yield from [] if duration_ms is None else [Expose(duration_ms=duration_ms)]
        case Acquire(events=events, positions_um=positions):
            yield from plain_calls(SetPositions(positions_um=positions), Standing())
            for event in events:
                yield from _calls_of_event(settings, event)
        case _:
            yield from plain_calls(action, Standing())


def _calls_of_event(settings: Settings, event: dict[str, Any]) -> Iterator[DeviceCall]:
    """Yield what a useq-schema event names in plain numbers and words."""
    channel = event.get("channel")
    if isinstance(channel, str):
        channel = {"config": channel}
    if isinstance(channel, dict) and "config" in channel:
        yield from _preset(settings, channel.get("group", "Channel"), channel["config"])
    at_um = {f"{axis}_um": event[f"{axis}_pos"] for axis in "xyz" if isinstance(event.get(f"{axis}_pos"), int | float)}
    yield Drive(**at_um)
    if isinstance(event.get("exposure"), int | float):
        yield Expose(duration_ms=event["exposure"])


def _preset(settings: Settings, group: str | None, preset: str) -> list[DeviceCall]:
    """Return the call of a preset where a list says which groups may be set: which is the channel's nobody knows."""
    if group is None or settings.guard.presets is None:
        return []
    return [ApplyPreset(group=group, preset=preset)]


def refusal_of(
    settings: Settings, calls: Sequence[DeviceCall], *, channel: str | None = None, is_planned: bool = False
) -> Refusal | None:
    """Return the limit that calls break wherever the hardware stands, of a specimen that was never lit; None: none.

    Parameters
    ----------
    channel
        In which they begin; None: not known, which then is the one with the least light.
    is_planned
        See `stentor.control.limits.breach_of`.
    """
    guard = _certain(settings.guard)
    account = DoseAccount(guard.dose, received_uj={}, field_um=0.0)
    standing = Standing(channel=channel or _dimmest(guard.dose))
    return Guard(guard, account, standing).judge(calls, is_planned=is_planned)


def _certain(guard: GuardSettings) -> GuardSettings:
    """Return the limits that hold from everywhere: longest steps and z-boxes depend on where a drive stands."""
    return structs.replace(
        guard,
        xy_step_um=None,
        z_step_um=None,
        z_boxes=(),
        properties={name: structs.replace(limits, step=None) for name, limits in guard.properties.items()},
        # With a lamp the power is that at the lamp's value, which may be small.
        dose=guard.dose if guard.dose.lamp is None else structs.replace(guard.dose, budget_uj=None),
    )


def _dimmest(dose: DoseSettings) -> str | None:
    powers = dose.power_mw
    return min(powers, key=powers.__getitem__) if powers else None


def _key(refusal: Refusal) -> str:
    if refusal.rule == "dose":
        return "dose.budget_uj"
    return f'properties."{refusal.rule}"' if "." in refusal.rule else refusal.rule
