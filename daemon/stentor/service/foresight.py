"""Foresight: what would be refused of an experiment whatever happens, known before anything runs."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, get_args

from stentor.control.certainty import certain_refusal
from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, ShowMask, Standing
from stentor.control.limits import Refusal, breach_of
from stentor.control.plain_calls import plain_calls
from stentor.control.settings import GuardSettings
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
from stentor.scope.hands.asked_events import check_written
from stentor.scope.hands.event_calls import calls_of_event
from stentor.scope.planned import read_sequence
from stentor.scope.readiness import EventCheck, nearest
from stentor.scope.tiles import with_field_of_view
from stentor.service.inventory import Inventory
from stentor.service.self_description import said
from stentor.service.settings import Settings

if TYPE_CHECKING:
    import pymmcore

LOOKED_AT: Final = 10_000
"""Events of a sequence, 0.05 ms each."""

NOT_OURS: Final = ("replay", "tap")
"""Kinds of rig whose images nobody asks a guard for."""

OF_AN_AGENDA: Final = (Acquire, SetPositions, Extend)
"""What live images have no place for."""

ALSO_OF_A_SEQUENCE: Final = (Abort, Disarm, Alive, GoOn)
"""What a fixed sequence can be asked for, too."""


def check_images(settings: Settings) -> None:
    """Refuse limits by which no image would ever be taken, with ConfigError; the settings are those that will run."""
    if faults := list(refused_images(settings)):
        raise ConfigError("\n".join(faults))


def refused_images(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each limit by which the acquisition's own images would never be taken.

    Nothing is said of what a sequence's events name themselves, and of microscopes that are not ours.
    """
    acquisition = settings.acquisition
    if settings.rig.kind in NOT_OURS or acquisition.mode == "sequence" or acquisition.sequence_file is not None:
        return
    image = [Expose(duration_ms=acquisition.exposure_ms)]
    refusal = certain_refusal(settings.guard, image, channel=settings.rig.channel, is_planned=True)
    if refusal is not None:
        yield (
            f"`acquisition.exposure_ms` = {acquisition.exposure_ms:g}: no image would be taken: {refusal.text}; expose "
            f"shorter or longer, or change `guard.{_key(refusal)}`"
        )


def refused_events(settings: Settings, core: "pymmcore.CMMCore") -> Iterator[str]:
    """Yield a sentence on the events of the acquisition's sequence that would never be imaged.

    Raises
    ------
    ConfigError
        If there is no such sequence, or an event that this core cannot carry out.
    """
    acquisition = settings.acquisition
    sequence = read_sequence(acquisition)
    if sequence is None:
        return
    check = EventCheck(core)
    refused = []
    for event in islice(with_field_of_view(sequence, core), LOOKED_AT):
        check(event)
        if event.exposure is None and acquisition.mode == "adaptive":
            event = event.replace(exposure=acquisition.exposure_ms)
        refusal = certain_refusal(
            settings.guard, calls_of_event(event, core), channel=settings.rig.channel, is_planned=True
        )
        if refusal is not None:
            refused.append((dict(event.index), refusal))
    if refused:
        index, refusal = refused[0]
        alike = sum(other.rule == refusal.rule for _, other in refused)
        yield (
            f"{acquisition.sequence_file}: event {index} would not be taken: {refusal.text}; change it, or "
            f"`guard.{_key(refusal)}` ({alike} such events)"
        )


def refused_wishes(settings: Settings, controller: Controller, inventory: Inventory | None = None) -> Iterator[str]:
    """Yield a sentence for each action that a controller says it will ask for and that would be refused.

    `inventory`: of the microscope; None: it was not looked at.
    """
    for action in said(controller, "asks", get_args(Action)) or ():
        if (fault := refused_action(settings, action)) is not None:
            yield fault
        elif inventory is not None:
            yield from (f"`{kind_of(action)}`: {fault}" for fault in _unfit(settings, action, inventory))


def _unfit(settings: Settings, action: Action, inventory: Inventory) -> Iterator[str]:
    """Yield a sentence on what of an action this microscope does not have, or its limits do not list."""
    yield from inventory.missing(action)
    if isinstance(action, ProjectMask):
        device = action.device or settings.rig.projector.device or inventory.slm
        if not device:
            yield "this microscope has no SLM or DMD; name one as `rig.projector.device`"
        elif device not in inventory.properties:
            yield f"no SLM {device!r}; {nearest(device, inventory.properties)}"
        elif device not in settings.guard.devices:
            yield f"would be refused: masks are shown on {device}, which is not among `guard.devices`"


def kind_of(action: Action) -> str:
    """Return what an action is called in a configuration."""
    return str(type(action).__struct_config__.tag)


def refused_action(settings: Settings, action: Action) -> str | None:
    """Return a sentence on why an action would be refused, whenever a controller asks for it; None: it may be done."""
    mode, kind = settings.acquisition.mode, kind_of(action)
    if settings.rig.kind in NOT_OURS:
        return None
    if isinstance(action, OF_AN_AGENDA) and mode != "adaptive":
        return f'`{kind}` needs acquisition.mode = "adaptive"; it is "{mode}"'
    if mode == "sequence" and not isinstance(action, ALSO_OF_A_SEQUENCE):
        return f'`{kind}` needs acquisition.mode = "adaptive" or "live"; it is "sequence"'
    try:
        together = list(_calls_of(settings, action))
    except ConfigError as err:
        return f"`{kind}`: {err}"
    refusals = (_too_long(settings, action), *(certain_refusal(settings.guard, calls) for calls in together))
    refusal = next((found for found in refusals if found is not None), None)
    if refusal is None:
        return None
    return f"`{kind}` would be refused: {refusal.text}; ask for something else, or change `guard.{_key(refusal)}`"


def _too_long(settings: Settings, action: Action) -> Refusal | None:
    """Return the limit on steps that a relative move breaks wherever it begins."""
    steps = GuardSettings(xy_step_um=settings.guard.xy_step_um, z_step_um=settings.guard.z_step_um)
    match action:
        case MoveXY(is_relative=True) | MoveZ(is_relative=True):
            here = Standing(x_um=0.0, y_um=0.0, z_um=0.0)
            (drive,) = plain_calls(action, here)
            return breach_of(steps, drive, here, is_planned=False)
        case _:
            return None


def _calls_of(settings: Settings, action: Action) -> Iterator[list[DeviceCall]]:
    """Yield the device calls of an action that are known without a device, those in one list that are made together."""
    match action:
        case MoveXY(is_relative=True) | MoveZ(is_relative=True):
            return
        case SetChannel(preset=preset, group=group):
            yield _preset(settings, group, preset)
        case ProjectMask(device=device, duration_ms=duration_ms, preset=preset, group=group):
            device = device or settings.rig.projector.device
            yield [] if device is None else [ShowMask(device=device)]
            if duration_ms is not None:  # without light of its own no preset is set
                yield [*([] if preset is None else _preset(settings, group, preset)), Expose(duration_ms=duration_ms)]
        case Acquire(events=events, positions_um=positions):
            check_written(action)
            yield plain_calls(SetPositions(positions_um=positions), Standing())
            for event in events:  # each is at a place of its own, perhaps, and of its own light then
                yield list(_calls_of_event(settings, event))
        case _:
            yield plain_calls(action, Standing())


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


def _key(refusal: Refusal) -> str:
    if refusal.rule == "dose":
        return "dose.budget_uj"
    return f'properties."{refusal.rule}"' if "." in refusal.rule else refusal.rule
