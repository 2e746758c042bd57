"""Device call: the few things that hardware can be told, to which every request and every event comes down."""

import re
from typing import Final, Literal, TypeAlias

import msgspec

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


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


def number_of(value: str | float) -> float:
    """Return the number that a device will make of a property's value; ValueError: it is none for sure.

    Python reads "0_5" as 5 and Micro-Manager as 0, and of "1e3" it reads 1 where the property is a whole number.
    """
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError(f"{value!r} is no plain decimal number")
    return float(value)


class ApplyPreset(msgspec.Struct, frozen=True, kw_only=True):
    """Apply a preset of a configuration group.

    Attributes
    ----------
    settings
        What the preset sets, so that it cannot go past a property's limits, nor drive anywhere else than `Drive` may.
    is_channel
        Whether the group is the microscope's channel group, and the preset therefore says which light is on.
    """

    group: str
    preset: str
    settings: tuple[SetValue | Drive, ...] = ()
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
