"""Action: what a controller may ask of the microscope, and what the microscope answers."""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from stentor.core.frame import FrameId


class MoveXY(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="move-xy"):
    """Drive the stage to (x_um, y_um), or by them when `is_relative`."""

    x_um: float
    y_um: float
    is_relative: bool = False


class MoveZ(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="move-z"):
    """Drive the focus to z_um, or by it when `is_relative`."""

    z_um: float
    is_relative: bool = False


class SetExposure(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set-exposure"
):
    """Expose every image from the next on for `exposure_ms`, except where an event names its own."""

    exposure_ms: float


class SetInterval(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set-interval"
):
    """Take the acquisition's time points every `interval_ms` from the next one on."""

    interval_ms: float


class SetChannel(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set-channel"
):
    """Apply a preset of a configuration group; `group` None: the microscope's channel group."""

    preset: str
    group: str | None = None


class SetProperty(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set-property"
):
    """Set one property of one device; illumination is a property of a lamp or laser."""

    device: str
    property: str
    value: str | float


class SetRoi(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set-roi"):
    """Read a region of the chip only, in binned pixels; `width_px` None: the whole chip again."""

    x_px: Annotated[int, Meta(ge=0)] = 0
    y_px: Annotated[int, Meta(ge=0)] = 0
    width_px: Annotated[int, Meta(ge=1)] | None = None
    height_px: Annotated[int, Meta(ge=1)] | None = None


class PulseShutter(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="pulse-shutter"
):
    """Open the shutter for `duration_ms` without taking an image; the light counts."""

    duration_ms: float


class ProjectMask(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="project-mask"
):
    """Show a mask on the SLM or DMD, and light it for a moment; then it is dark again.

    Attributes
    ----------
    mask, shape_yx
        Drawn on a frame, true where light is wanted: `stentor.core.mask.pack_mask`, and rows and columns.
    roi_xy_px, binning
        Of that frame: its upper left corner on the chip in binned pixels.
    at_um, within_um
        Where the stage stood (x_um, y_um); refused when it has moved by more than `within_um`. None: wherever it is.
    duration_ms
        How long the shutter is open; the light counts as if all of the field were lit. None: no light of its own, and
        the mask stays until the next.
    preset, group
        Set for that moment, with what was set before afterwards; `preset` None: the light that is on, `group` None: the
        channel group.
    device
        None: `rig.projector.device`, else the core's SLM.
    """

    mask: bytes
    shape_yx: tuple[int, int]
    roi_xy_px: tuple[int, int] = (0, 0)
    binning: Annotated[int, Meta(ge=1)] = 1
    at_um: tuple[float, float] | None = None
    within_um: Annotated[float, Meta(ge=0)] = 1.0
    duration_ms: float | None = None
    preset: str | None = None
    group: str | None = None
    device: str | None = None


class Acquire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="acquire"):
    """Take images in between; afterwards the acquisition goes on where it was, in the channel it was in.

    Properties that events set stay set.

    Attributes
    ----------
    events
        useq-schema events as mappings.
    sequence
        In place of `events`: a useq-schema MDASequence as a mapping, nested in the acquisition.
    positions_um
        Take all of it at each of these places, (x_um, y_um) or (x_um, y_um, z_um); empty: where the events say, and
        where they say nothing, here.
    place
        "now": before anything else, once the image under way is there; "next": after the time point under way.
    """

    events: tuple[dict[str, object], ...] = ()
    sequence: dict[str, object] | None = None
    positions_um: tuple[tuple[float, ...], ...] = ()
    place: Literal["now", "next"] = "now"


class SetPositions(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set-positions"
):
    """Visit these places at every time point from the next on, in this order: (x_um, y_um) or (x_um, y_um, z_um)."""

    positions_um: tuple[tuple[float, ...], ...]


class Extend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="extend"):
    """Add time points to the acquisition."""

    time_points: Annotated[int, Meta(ge=1)]


class Skip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="skip"):
    """Leave out the rest of the time point under way."""


class GoOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="go-on"):
    """All is decided at a time point and position: an acquisition that waits at its barrier need not wait longer."""

    t: int | None = None
    p: int | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="pause"):
    """Take no further images until `Resume`."""


class Resume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="resume"):
    """Go on after `Pause`."""


class Abort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="abort"):
    """End the acquisition within the exposure under way."""


class Arm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="arm"):
    """Let requests reach the hardware; not a thing that a controller may ask for."""


class Disarm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="disarm"):
    """Let no request reach the hardware until `Arm`."""


class Alive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="alive"):
    """Nothing but a sign of life from who asks; with `is_last`, none is to be expected after it."""

    is_last: bool = False


class Describe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="describe"):
    """Change nothing and say in `read_back` how the guard stands: "armed", "dry_run", "paused", "held_up_by"."""


Action: TypeAlias = (
    MoveXY | MoveZ | SetExposure | SetInterval | SetChannel | SetProperty | SetRoi | PulseShutter | ProjectMask
    | Acquire | SetPositions | Extend | Skip | GoOn | Pause | Resume | Abort | Arm | Disarm | Alive | Describe
)  # fmt: skip


Stamp: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Nanoseconds, in as many bits as a log can keep."""

LONGEST_NAME: Final = 256
LONGEST_RULE: Final = 1000
"""Of a rule's name, which may be its condition."""
LONGEST_REASON: Final = 4000

Name: TypeAlias = Annotated[str, Meta(max_length=LONGEST_NAME)]
"""What the scope remembers of thousands of requests is short."""


def shortened(text: str, most: int) -> str:
    """Return a text, cut to so many characters if it is longer.

    >>> shortened("a microscope", 12), shortened("a microscope", 8)
    ('a microscope', 'a mic...')
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is asked for.

    Attributes
    ----------
    frame_id
        The frame that it is decided on; None: no frame, an operator or a clock.
    seen_ns, clock_id
        When that frame was received, or its exposure ended where the source knows that, on the named clock.
    controller, rule
        Who decides, and on which of its rules; at most 256 and 1000 characters.
    model, model_hash
        The model whose finding it rests on; empty: none.
    reason
        In words, for the decision log; at most 4000 characters.
    """

    controller: Name
    rule: Annotated[str, Meta(max_length=LONGEST_RULE)] = ""
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""
    frame_id: FrameId | None = None
    seen_ns: Stamp | None = None
    clock_id: str | None = None
    model: str = ""
    model_hash: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One action asked for. Two of one controller with the same `id` are done once and answered twice.

    Attributes
    ----------
    id
        At most 256 characters.
    issued_ns, clock_id
        When it was asked for, on the asker's clock.
    max_age_ms
        Refuse when the frame it rests on is older than this; None: the guard's own limit alone.
    """

    id: Name
    action: Action
    cause: Cause
    issued_ns: Stamp
    clock_id: str
    max_age_ms: float | None = None


Verdict = Literal["done", "refused", "dry-run", "failed"]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request.

    Attributes
    ----------
    verdict
        "done"; "refused" by the guard; "dry-run": allowed, and not done; "failed": the device did not obey.
    rule
        The guard's rule that refused it; empty otherwise.
    text
        In words: which rule and what would be allowed, or what the device said.
    read_back
        What the devices report afterwards, by name such as "x_um".
    received_ns, started_ns, done_ns
        On the scope's clock `clock_id`; None: never started.
    """

    id: str
    verdict: Verdict
    rule: str = ""
    text: str = ""
    read_back: dict[str, int | float | str] = {}
    received_ns: int
    started_ns: int | None = None
    done_ns: int | None = None
    clock_id: str

    @property
    def is_done(self) -> bool:
        return self.verdict == "done"
