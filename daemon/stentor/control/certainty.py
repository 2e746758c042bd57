"""Certainty: what the guard would refuse wherever the hardware stands, of a specimen that was never lit."""

from collections.abc import Sequence

from msgspec import structs

from stentor.control.device_call import DeviceCall, Standing
from stentor.control.dose import DoseAccount
from stentor.control.guard import Guard
from stentor.control.limits import Refusal
from stentor.control.settings import DoseSettings, GuardSettings


def certain_refusal(
    settings: GuardSettings, calls: Sequence[DeviceCall], *, channel: str | None = None, is_planned: bool = False
) -> Refusal | None:
    """Return the limit that calls break in any case; None: none, or it depends.

    Parameters
    ----------
    channel
        In which they begin; None: not known, which then is the one with the least light.
    is_planned
        See `stentor.control.limits.breach_of`.
    """
    certain = _without_what_depends(settings)
    account = DoseAccount(certain.dose, received_uj={}, field_um=0.0)
    return Guard(certain, account, Standing(channel=channel or _dimmest(certain.dose))).judge(
        calls, is_planned=is_planned
    )


def _without_what_depends(settings: GuardSettings) -> GuardSettings:
    """Return the limits without longest steps and z-boxes, which depend on where a drive stands."""
    dose = settings.dose
    return structs.replace(
        settings,
        xy_step_um=None,
        z_step_um=None,
        z_boxes=(),
        properties={name: structs.replace(limits, step=None) for name, limits in settings.properties.items()},
        # With a lamp the power is that at the lamp's value, which may be small.
        dose=dose if dose.lamp is None else structs.replace(dose, budget_uj=None),
    )


def _dimmest(dose: DoseSettings) -> str | None:
    powers = dose.power_mw
    return min(powers, key=powers.__getitem__) if powers else None
