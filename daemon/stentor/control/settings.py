"""Settings of the guard: the limits within which requests and events may reach the hardware."""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Range: TypeAlias = tuple[float, float]
"""Lowest and highest value allowed, both included."""

Positive: TypeAlias = Annotated[float, Meta(gt=0)]


class PropertyLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one property of a device may be set to; all None: anything.

    Attributes
    ----------
    range
        For numbers.
    step
        The largest change at once, for numbers.
    values
        The words allowed.
    """

    range: Range | None = None
    step: Positive | None = None
    values: tuple[str, ...] | None = None


class ZBox(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rectangle of the stage in which the focus is confined further, such as over a ring or a clamp.

    It holds wherever the stage stands in it or may pass through it: x and y move on their own, so that all of the
    rectangle between start and goal counts.
    """

    x_um: Range
    y_um: Range
    z_um: Range


class DoseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much light any place of the specimen may take.

    Attributes
    ----------
    budget_uj
        Energy, in microjoules through the objective, that a place may receive in all; None: no limit, only counted.
    specimen
        Name of the specimen. The account goes on under the same name after a restart; a new one starts at nothing.
    power_mw
        Calibration: power behind the objective by channel preset, lamp at full; "*" for every other channel.
    lamp
        "Device.Property" that scales the power, such as "Lamp.Intensity"; None: the lamp is always at full.
    lamp_full
        Value of that property at which the power was measured.
    tile_um
        The account is kept in squares of this side; an image lights every square that it touches.
    field_um
        Side of the square that is lit around the middle of the image; None: the image itself, by its pixel size.
    """

    budget_uj: Positive | None = None
    specimen: str = "specimen"
    power_mw: dict[str, Annotated[float, Meta(ge=0)]] = msgspec.field(default_factory=lambda: {"*": 1.0})
    lamp: str | None = None
    lamp_full: Positive = 100.0
    tile_um: Positive = 50.0
    field_um: Positive | None = None


class GuardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The limits of everything that is asked of the hardware, whoever asks, events of an acquisition included.

    Attributes
    ----------
    armed
        Whether requests may reach the hardware from the start, or only after `stentor arm`.
    dry_run
        Judge and log requests, and do nothing; an operator's pause, resume, skip and abort are done.
    x_um, y_um, z_um
        Where the drives may go; None: anywhere.
    xy_step_um, z_step_um
        Longest single move; None: any. Events of an acquisition that was planned beforehand may go further.
    z_boxes
        See `ZBox`.
    exposure_ms
        Shortest and longest exposure or shutter pulse.
    interval_ms
        Shortest and longest interval between time points that may be asked for; the pace of the plan itself is free.
    devices
        Devices whose properties requests may set, and SLMs on which they may show masks; all others are refused.
    properties
        Limits by "Device.Property"; a property named here is allowed whether or not its device is in `devices`.
    presets
        Configuration groups whose presets requests may apply: group name to presets; an empty list: all of them.
        None: the channel group, all presets.
    actions_per_s
        More requests of one controller in a second than this are refused.
    max_age_ms
        A request is refused when its frame is older; None: any age.
    silence_s
        A controller that gave a sign of life once and then none for so long is taken for dead.
    on_silence
        What then: "continue"; "pause" the acquisition until it is heard again; or "safe": pause, disarm, set `safe`,
        and go on only when an operator arms. Meanwhile no controller may resume. A fixed sequence cannot be held up.
    safe
        What to set, as "Device.Property" to value, when a controller falls silent and `on_silence` is "safe".
    dose
        The light budget.
    """

    armed: bool = False
    dry_run: bool = False
    x_um: Range | None = None
    y_um: Range | None = None
    z_um: Range | None = None
    xy_step_um: Positive | None = None
    z_step_um: Positive | None = None
    z_boxes: tuple[ZBox, ...] = ()
    exposure_ms: Range = (0.01, 10_000.0)
    interval_ms: Range = (1.0, 86_400_000.0)
    devices: tuple[str, ...] = ()
    properties: dict[str, PropertyLimits] = {}
    presets: dict[str, tuple[str, ...]] | None = None
    actions_per_s: Positive = 50.0
    max_age_ms: Positive | None = 2000.0
    silence_s: Annotated[float, Meta(gt=0, le=86_400)] = 1.5
    on_silence: Literal["continue", "pause", "safe"] = "continue"
    safe: dict[str, str | float] = {}
    dose: DoseSettings = DoseSettings()


def empty_ranges(settings: GuardSettings) -> Iterator[str]:
    """Yield a sentence for each range that nothing lies in: everything would be refused, and nobody meant that."""
    ranges = {name: getattr(settings, name) for name in ("x_um", "y_um", "z_um", "exposure_ms", "interval_ms")}
    ranges |= {f'properties."{name}".range': limits.range for name, limits in settings.properties.items()}
    for index, box in enumerate(settings.z_boxes):
        ranges |= {f"z_boxes[{index}].{name}": getattr(box, name) for name in ("x_um", "y_um", "z_um")}
    for name, allowed in ranges.items():
        if allowed is not None and not allowed[0] <= allowed[1]:
            yield f"`guard.{name}`: nothing lies in {allowed[0]:g} to {allowed[1]:g}; give the lower end first"
