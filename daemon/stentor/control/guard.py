"""Guard: the one door to the hardware; judges all device calls of a request or an event together, then books them."""

import math
from collections.abc import Sequence

from msgspec import structs

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetValue, Standing, name_of
from stentor.control.dose import DoseAccount, Tile
from stentor.control.limits import Refusal, breach_of
from stentor.control.settings import GuardSettings


class Guard:
    """Used by the one thread that moves things: `admit` the calls, then make them, then `note` what was read back.

    All calls that belong together are judged together: either all are allowed and booked, or none is made.
    """

    def __init__(self, settings: GuardSettings, dose: DoseAccount, standing: Standing) -> None:
        self._settings = settings
        self._dose = dose
        self.standing = standing

    def note(self, standing: Standing) -> None:
        """Take what the hardware reports over what it was told."""
        self.standing = standing

    def judge(self, calls: Sequence[DeviceCall], *, is_planned: bool = False) -> Refusal | None:
        """Return the rule that any of the calls would break, made in this order; None: none would."""
        return self._follow(calls, is_planned=is_planned)[0]

    def admit(self, calls: Sequence[DeviceCall], *, is_planned: bool = False) -> Refusal | None:
        """Judge the calls and, when nothing speaks against them, book their light and where they lead.

        An exposure is booked before there is light; one that is then given up stays booked.
        """
        refusal, standing, light = self._follow(calls, is_planned=is_planned)
        if refusal is None:
            self._dose.add(light)
            self.standing = standing
        return refusal

    def _follow(
        self, calls: Sequence[DeviceCall], *, is_planned: bool
    ) -> tuple[Refusal | None, Standing, dict[Tile, float]]:
        standing = self.standing
        light: dict[Tile, float] = {}
        for call in calls:
            refusal = breach_of(self._settings, call, standing, is_planned=is_planned)
            if refusal is None and isinstance(call, Expose):
                refusal = self._lighten(call, standing, light)
            if refusal is not None:
                return refusal, self.standing, {}
            standing = after(standing, call)
        return None, standing, light

    def _lighten(self, call: Expose, standing: Standing, light: dict[Tile, float]) -> Refusal | None:
        dose = self._settings.dose
        lamp = None if dose.lamp is None else standing.values.get(dose.lamp)
        energy_uj = self._dose.energy_uj(call.duration_ms, standing.channel, lamp) * call.count
        if not math.isfinite(energy_uj):
            return Refusal("dose", f"{energy_uj} uJ of light; the lamp's value or the duration is no number")
        for tile in self._dose.tiles(standing.x_um, standing.y_um):
            light[tile] = light.get(tile, 0.0) + energy_uj
        if self._dose.allows(light):
            return None
        received_uj = self._dose.received_uj(standing.x_um, standing.y_um)
        budget_uj = dose.budget_uj or 0.0
        return Refusal(
            "dose",
            f"{energy_uj:g} uJ more here, where {received_uj:g} of {budget_uj:g} uJ are spent; "
            f"at most {max(budget_uj - received_uj, 0.0):g} uJ are left",
        )


def after(standing: Standing, call: DeviceCall) -> Standing:
    """Return how the hardware stands once a call is made."""
    match call:
        case Drive(x_um=x_um, y_um=y_um, z_um=z_um):
            return structs.replace(
                standing,
                x_um=standing.x_um if x_um is None else x_um,
                y_um=standing.y_um if y_um is None else y_um,
                z_um=standing.z_um if z_um is None else z_um,
            )
        case SetValue():
            return structs.replace(standing, values={**standing.values, name_of(call): call.value})
        case ApplyPreset():
            for setting in call.settings:
                standing = after(standing, setting)
            return structs.replace(standing, channel=call.preset) if call.is_channel else standing
        case _:
            return standing
