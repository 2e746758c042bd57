"""Guard: the one door to the hardware; judges all device calls of a request or an event together, then books them."""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetValue, Standing, name_of
from stentor.control.dose import DoseAccount, Tile
from stentor.control.limits import Refusal, breach_of
from stentor.control.settings import GuardSettings

ASTRAY: Final = 0.1
"""A drive further from where it was let go, in parts of the side that one image lights, has not arrived."""


class Guard:
    """Used by the one thread that moves things: `admit` the calls, then make them, then `note` what was read back.

    All calls that belong together are judged together: either all are allowed and booked, or none is made.

    Parameters
    ----------
    light_path
        Properties, as "Device.Property", that some preset of the channel group sets: with one of them set by itself
        nobody knows which channel it is.
    """

    def __init__(
        self,
        settings: GuardSettings,
        dose: DoseAccount,
        standing: Standing,
        *,
        light_path: frozenset[str] = frozenset(),
    ) -> None:
        self._settings = settings
        self._dose = dose
        self.light_path = light_path
        self._light: dict[Tile, float] = {}
        self._stuck_um: tuple[float, float] | None = None
        self._sent_um: tuple[float, float] | None = None
        """Where the stage was let go last, until somebody has looked whether it is there."""
        self.standing = standing

    def note(self, standing: Standing) -> None:
        """Take what the hardware reports over what it was told."""
        self.standing = standing

    def note_arrival(self, found: Standing) -> None:
        """Take where an event has truly brought the hardware, whose light was booked where it was let go.

        Where the stage has not arrived the light counts as well, and so does all that follows until one arrives: a
        stage that is stuck is lit by every event, wherever that is meant to be.

        Raises
        ------
        RecordError
            If the light cannot be written down.
        """
        sent_um, self._sent_um = self._sent_um, None
        meant_um, found_um = sent_um or _xy_um(self.standing), _xy_um(found)
        self.standing = found
        if meant_um is None or found_um is None:
            return
        is_astray = math.dist(meant_um, found_um) > ASTRAY * self._dose.field_um
        if sent_um is not None:
            self._stuck_um = found_um if is_astray else None
        if is_astray and self._light:
            energy_uj = max(self._light.values())
            light, self._light = self._light, {}
            self._dose.add({tile: energy_uj for tile in self._dose.tiles(*found_um) if tile not in light})

    def after(self, standing: Standing, calls: Sequence[DeviceCall]) -> Standing:
        """Return how the hardware stands once calls are made."""
        for call in calls:
            standing = after(standing, call, self.light_path)
        return standing

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
            self.standing, self._light = standing, light
            if any(isinstance(call, Drive) and (call.x_um, call.y_um) != (None, None) for call in calls):
                self._sent_um = _xy_um(standing)
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
            standing = after(standing, call, self.light_path)
        return None, standing, light

    def _lighten(self, call: Expose, standing: Standing, light: dict[Tile, float]) -> Refusal | None:
        dose = self._settings.dose
        lamp = None if dose.lamp is None else standing.values.get(dose.lamp)
        energy_uj = self._dose.energy_uj(call.duration_ms, standing.channel, lamp) * call.count
        if not math.isfinite(energy_uj):
            return Refusal("dose", f"{energy_uj} uJ of light; the lamp's value or the duration is no number")
        tiles = {*self._dose.tiles(standing.x_um, standing.y_um)}
        if self._stuck_um is not None:
            tiles |= {*self._dose.tiles(*self._stuck_um)}
        for tile in tiles:
            light[tile] = light.get(tile, 0.0) + energy_uj
        if self._dose.allows(light):
            return None
        received_uj = self._dose.received_uj(standing.x_um, standing.y_um)
        budget_uj = dose.budget_uj or 0.0
        return Refusal(
            "dose",
            f"{energy_uj:g} uJ more here, where {received_uj:g} of {budget_uj:g} uJ are spent; "
            f"at most {max(budget_uj - received_uj, 0.0):g} uJ are left of guard.dose.budget_uj for specimen "
            f"{dose.specimen!r}; another dish is another guard.dose.specimen",
        )


def _xy_um(standing: Standing) -> tuple[float, float] | None:
    return None if standing.x_um is None or standing.y_um is None else (standing.x_um, standing.y_um)


def after(standing: Standing, call: DeviceCall, light_path: frozenset[str] = frozenset()) -> Standing:
    """Return how the hardware stands once a call is made; for `light_path` see `Guard`."""
    match call:
        case Drive(x_um=x_um, y_um=y_um, z_um=z_um):
            return structs.replace(
                standing,
                x_um=standing.x_um if x_um is None else x_um,
                y_um=standing.y_um if y_um is None else y_um,
                z_um=standing.z_um if z_um is None else z_um,
            )
        case SetValue():
            channel = None if name_of(call) in light_path else standing.channel
            return structs.replace(standing, channel=channel, values={**standing.values, name_of(call): call.value})
        case ApplyPreset():
            for setting in call.settings:
                standing = after(standing, setting, light_path)
            return structs.replace(standing, channel=call.preset) if call.is_channel else standing
        case _:
            return standing
