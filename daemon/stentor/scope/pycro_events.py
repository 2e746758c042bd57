"""Pycro events: useq events in pycromanager's form, in batches that its engine carries out correctly."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from stentor.core.errors import ConfigError
from stentor.scope.event_feed import asks_for_image

if TYPE_CHECKING:
    import useq

NUMBER_AXIS = "event"
"""The axis that carries an event's number through pycromanager and back; its `tags` are broken (1.0.2)."""


def check_translatable(event: "useq.MDAEvent") -> None:
    """Refuse what pycromanager's Python backend cannot do, with ConfigError."""
    wish = None
    if not asks_for_image(event):
        wish = f"the action {event.action}"
    elif event.slm_image is not None:
        wish = "an SLM image"
    elif event.roi is not None:
        wish = "a region of interest"
    elif (event.x_pos is None) != (event.y_pos is None):
        wish = "x without y"
    if wish is not None:
        raise ConfigError(
            f'event {dict(event.index)}: pycromanager cannot do {wish}; change it, or set engine = "pymmcore-plus"'
        )


def translate(event: "useq.MDAEvent", number: int) -> dict[str, Any]:
    """Write an event as pycromanager's engine reads it.

    There is no `min_start_time` in it: during one the engine ignores an abort and spins, so we wait ourselves.
    """
    translated: dict[str, Any] = {"axes": {NUMBER_AXIS: number}}
    if event.channel is not None:
        translated["config_group"] = [event.channel.group, event.channel.config]
    if event.exposure is not None:
        translated["exposure"] = event.exposure
    if event.z_pos is not None:
        translated["z"] = event.z_pos
    if event.x_pos is not None and event.y_pos is not None:
        translated |= {"x": event.x_pos, "y": event.y_pos}
    if event.properties:
        translated["properties"] = [list(prop) for prop in event.properties]
    return translated


def batches(events: "Iterable[useq.MDAEvent]") -> "Iterator[list[useq.MDAEvent]]":
    """Group neighbours that may become one hardware sequence.

    pycromanager merges whatever its core calls sequenceable within one call of `acquire`, but then only time and z
    work: sequences of properties (channels) raise, those of xy raise, those of exposures are never stopped, and the
    properties of an event are dropped (1.0.2). Such neighbours are kept apart here.
    """
    batch: list[useq.MDAEvent] = []
    for event in events:
        if batch and not _may_follow(batch[-1], event):
            yield batch
            batch = []
        batch.append(event)
    if batch:
        yield batch


def _may_follow(before: "useq.MDAEvent", event: "useq.MDAEvent") -> bool:
    return (
        not event.reset_event_timer
        and not before.properties
        and not event.properties
        and (before.min_start_time or 0) == (event.min_start_time or 0)
        and before.channel == event.channel
        and before.exposure == event.exposure
        and (before.x_pos, before.y_pos) == (event.x_pos, event.y_pos)
    )
