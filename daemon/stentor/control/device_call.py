"""Device call: the few things that hardware can be told, to which every request and every event comes down."""

from typing import Literal, TypeAlias

import msgspec


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """Drive axes to absolute places; None: that axis stays. In which order they move is not known."""

    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None


class SetValue(msgspec.Struct, frozen=True, kw_only=True):
    """Set a property of a device."""

    device: str
    property: str
    value: str | float


def name_of(setting: SetValue) -> str:
    """Return the name by which limits know a property: "Device.Property"."""
    return f"{setting.device}.{setting.property}"


class ApplyPreset(msgspec.Struct, frozen=True, kw_only=True):
    """Apply a preset of a configuration group.

    Attributes
    ----------
    settings
        What the preset sets, so that it cannot go past a property's limits.
    is_channel
        Whether the group is the microscope's channel group, and the preset therefore says which light is on.
    """

    group: str
    preset: str
    settings: tuple[SetValue, ...] = ()
    is_channel: bool = False


class SetTime(msgspec.Struct, frozen=True, kw_only=True):
    """Set an exposure or an interval for later; no light yet."""

    exposure_ms: float | None = None
    interval_ms: float | None = None


class Expose(msgspec.Struct, frozen=True, kw_only=True):
    """Light the specimen for so long, at the place and in the channel set before.

    `count` images of the same kind follow each other, as in free running.
    """

    duration_ms: float
    count: int = 1


class ShowMask(msgspec.Struct, frozen=True, kw_only=True):
    """Show a mask on an SLM or DMD; no light yet."""

    device: str


class Unbounded(msgspec.Struct, frozen=True, kw_only=True):
    """Something of which nobody can say beforehand how far it goes.

    Attributes
    ----------
    reaches
        "z": it moves the focus. "light": it lights until somebody ends it.
    what
        In words.
    """

    reaches: Literal["z", "light"]
    what: str


DeviceCall: TypeAlias = Drive | SetValue | ApplyPreset | SetTime | Expose | ShowMask | Unbounded


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the hardware stands, as last commanded or read; None: not known."""

    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None
    channel: str | None = None
    values: dict[str, str | float] = {}
