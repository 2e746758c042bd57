"""Foresight: what the guard would refuse of an experiment whatever happens, known before anything runs."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import structs

from stentor.control.device_call import DeviceCall, Drive, Expose, SetTime, Standing
from stentor.control.dose import DoseAccount
from stentor.control.guard import Guard
from stentor.control.limits import Refusal
from stentor.control.settings import DoseSettings, GuardSettings
from stentor.scope.simulated.settings import START_UM
from stentor.service.settings import Settings

ROUNDING: Final = 0.01
"""A rate is written with few digits: 0.0167 a second means one a minute."""


def refused_images(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each limit by which the acquisition's own images would never be taken.

    Nothing is said of what a sequence's events name themselves, and of microscopes that are not ours.
    """
    acquisition, guard = settings.acquisition, settings.guard
    if settings.rig.kind in ("replay", "tap") or acquisition.mode == "sequence":
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
    refusal = refusal_of(settings, [Expose(duration_ms=acquisition.exposure_ms)], is_planned=True)
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


def refusal_of(settings: Settings, calls: Sequence[DeviceCall], *, is_planned: bool = False) -> Refusal | None:
    """Return the limit that calls break wherever the hardware stands, of a specimen that was never lit; None: none.

    Parameters
    ----------
    is_planned
        See `stentor.control.limits.breach_of`.
    """
    guard = _certain(settings.guard)
    account = DoseAccount(guard.dose, received_uj={}, field_um=0.0)
    standing = Standing(channel=settings.rig.channel or _dimmest(guard.dose))
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
    return "dose.budget_uj" if refusal.rule == "dose" else refusal.rule
