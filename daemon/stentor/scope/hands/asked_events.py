"""Asked events: the images that an acquire request comes down to, here or at the places it names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from stentor.control.device_call import Standing
from stentor.core.action import Acquire
from stentor.core.errors import ConfigError
from stentor.scope.event_feed import asks_for_image
from stentor.scope.readiness import EventCheck, check_property
from stentor.scope.tiles import with_field_of_view
from stentor.scope.useq_keys import read_as

if TYPE_CHECKING:
    import pymmcore
    import useq

MOST: Final = 1000
"""Images in one request: they are looked at by the thread that holds the hardware, 0.05 ms each (2026-11-25)."""

LARGEST: Final = 2**31
"""Of the numbers in an index."""

UNNAMED_GROUP: Final = "Channel"
"""What useq-schema calls the group of a channel that names none."""

NO_SEQUENCE: Final = "is no useq-schema MDASequence that can be imaged"


def events_of(action: Acquire, core: "pymmcore.CMMCore", standing: Standing) -> "list[useq.MDAEvent]":
    """Read the events of a request, in the order they will be imaged.

    Parameters
    ----------
    standing
        Where the drives are: a sequence that names no positions, such as a z-stack relative to the focus, is meant
        there, and so is the axis of x and y that an event leaves out.

    Raises
    ------
    ConfigError
        Naming the event that is wrong, or saying that there is none, or too many.
    """
    if len(action.events) * max(1, len(action.positions_um)) > MOST:
        return _too_many()  # before they are made: a small message can ask for a billion
    events = _single(action) if action.sequence is None else _sequence(action, core, standing)
    events = [_in_channel_group(_with_both_axes(event, standing), core) for event in events]
    if not events:
        raise ConfigError("nothing to acquire: give useq-schema `events`, or a `sequence`")
    if len(events) > MOST:
        _too_many()
    check = EventCheck(core)
    for event in events:
        check(event)
        _check_reach(event, core)
    return events


def _check_reach(event: "useq.MDAEvent", core: "pymmcore.CMMCore") -> None:
    """Refuse what an engine would do for an event, and no guard has a word for."""
    wish = None
    if not asks_for_image(event):
        wish = "an action other than an image: autofocus moves the focus past all limits"
    elif event.keep_shutter_open:
        wish = "keep_shutter_open: nobody counts the light between images"
    elif event.slm_image is not None:
        wish = "slm_image; use `project`"
    elif event.roi is not None:
        wish = "roi; use `set_roi`"
    elif event.min_start_time:
        wish = "a time: while the engine waits for it nothing else can be done; ask again when it is time"
    elif not all(-LARGEST <= number <= LARGEST for number in event.index.values()):
        wish = f"an index beyond {LARGEST}"
    if wish is not None:
        raise ConfigError(f"event {dict(event.index)}: what is asked for in between cannot have {wish}")
    for device, name, value in event.properties or ():
        check_property(core, device, name)
        if not isinstance(value, str | int | float):
            raise ConfigError(f"{device}.{name} = {value!r} is neither a number nor a text")


def _in_channel_group(event: "useq.MDAEvent", core: "pymmcore.CMMCore") -> "useq.MDAEvent":
    """Take useq's own name of a group that is not named for the channel group, whatever the microscope calls it."""
    channel, group = event.channel, core.getChannelGroup()
    if (
        channel is None
        or channel.group != UNNAMED_GROUP
        or not group
        or UNNAMED_GROUP in core.getAvailableConfigGroups()
    ):
        return event
    return event.replace(channel={"config": channel.config, "group": group})


def _with_both_axes(event: "useq.MDAEvent", standing: Standing) -> "useq.MDAEvent":
    """Name x beside y: not every engine can move one alone."""
    if (event.x_pos is None) == (event.y_pos is None):
        return event
    if standing.x_um is None or standing.y_um is None:
        raise ConfigError(
            f"event {dict(event.index)}: x without y, and the drive does not say where it stands; give both"
        )
    return event.replace(
        x_pos=standing.x_um if event.x_pos is None else event.x_pos,
        y_pos=standing.y_um if event.y_pos is None else event.y_pos,
    )


def check_written(action: Acquire) -> None:
    """Refuse a request that is wrong as it is written, on whatever microscope, with ConfigError."""
    _ = _written_events(action) if action.sequence is None else _written_sequence(action)


def _single(action: Acquire) -> "list[useq.MDAEvent]":
    events = _written_events(action)
    if not action.positions_um:
        return events
    return [_at(event, p, place) for p, place in enumerate(action.positions_um) for event in events]


def _written_events(action: Acquire) -> "list[useq.MDAEvent]":
    import useq

    events = []
    for number, mapping in enumerate(action.events):
        try:
            events.append(read_as(useq.MDAEvent, mapping))
        except ConfigError as err:
            raise ConfigError(f"event {number} is no useq-schema event: {err}") from err
    return events


def _written_sequence(action: Acquire) -> "useq.MDASequence":
    import useq

    if action.events:
        raise ConfigError("give either `events` or a `sequence`, not both")
    try:
        return read_as(useq.MDASequence, action.sequence)
    except (ConfigError, TypeError, ArithmeticError) as err:
        raise ConfigError(f"`sequence` {NO_SEQUENCE}: {err}") from err


def _sequence(action: Acquire, core: "pymmcore.CMMCore", standing: Standing) -> "list[useq.MDAEvent]":
    import useq

    sequence = _written_sequence(action)
    try:
        places = action.positions_um or _here(sequence, standing)
        if places:
            stage_positions = [useq.Position.model_validate(_named(place)) for place in places]
            sequence = sequence.replace(stage_positions=stage_positions)
        # Before it is laid out: useq makes whole lists of every axis, and a billion time points would take for ever.
        if _size(sequence) > MOST:
            _too_many()
        return list(with_field_of_view(sequence, core))
    except (ValueError, TypeError, ArithmeticError) as err:
        raise ConfigError(f"`sequence` {NO_SEQUENCE}: {err}") from err


def _size(sequence: "useq.MDASequence") -> int:
    """Return at least how many images a sequence has, without laying it out; ArithmeticError if it has no end."""
    import useq

    grid = sequence.grid_plan
    if isinstance(grid, useq.GridFromPolygon):
        raise ConfigError("a polygon's grid cannot be asked for while an acquisition runs; give its positions")
    inner = [1 if place.sequence is None else _size(place.sequence) for place in sequence.stage_positions]
    return (
        (sum(inner) if inner else 1)
        * max(1, len(sequence.channels))
        * (1 if sequence.time_plan is None else sequence.time_plan.num_timepoints())
        * (1 if sequence.z_plan is None else sequence.z_plan.num_positions())
        * (1 if grid is None else grid.num_positions())
    )


def _too_many() -> NoReturn:
    raise ConfigError(f"more than {MOST} images in one request")


def _here(sequence: "useq.MDASequence", standing: Standing) -> tuple[tuple[float, ...], ...]:
    if sequence.stage_positions or standing.x_um is None or standing.y_um is None:
        return ()
    z_um = () if standing.z_um is None else (standing.z_um,)
    return ((standing.x_um, standing.y_um, *z_um),)


def _at(event: "useq.MDAEvent", p: int, place: Sequence[float]) -> "useq.MDAEvent":
    named = {f"{axis}_pos": value for axis, value in _named(place).items()}
    return event.replace(index={**event.index, "p": p}, **named)


def _named(place: Sequence[float]) -> dict[str, float]:
    if len(place) not in (2, 3):
        raise ConfigError(f"a position is (x_um, y_um) or (x_um, y_um, z_um), not {tuple(place)}")
    return dict(zip("xyz", place, strict=False))
