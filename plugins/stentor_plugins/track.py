"""Track: gives objects numbers that stay with them from frame to frame, and says when they divide or vanish."""

from collections.abc import Mapping
from typing import ClassVar, Final, get_args

import msgspec

from stentor.core.finding import Event, Events, Finding, Findings, Labels, Objects
from stentor.core.frame import Frame
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.tracking.events import TrackEvent, TrackEventKind
from stentor.tracking.fields import Fields
from stentor.tracking.settings import TrackerSettings

COLUMNS: Final = ("track_id", "parent_id", "age_frames", "area_change", "intensity_change")


class Track:
    """Needs "labels" and "objects"; gives "objects" with columns of their tracks, and events.

    The columns are `track_id`, `parent_id`, `age_frames`, `area_change` and `intensity_change`; see `Tracked`.
    Every run, position and channel is followed by itself. The settings are those of the tracker.
    """

    Settings: ClassVar[type[msgspec.Struct]] = TrackerSettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {"labels": Labels, "objects": Objects}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects, "track_events": Events}
    columns = COLUMNS
    events: ClassVar[tuple[str, ...]] = get_args(TrackEventKind)

    def __init__(self, settings: TrackerSettings) -> None:
        self._fields = Fields(settings)

    @property
    def model(self) -> ModelIdentity | None:
        return None

    def prepare(self, spec: FrameSpec) -> None:
        """Nothing to prepare."""

    def process(self, frame: Frame, found: Findings) -> Findings:
        labels, objects = found["labels"], found["objects"]
        assert isinstance(labels, Labels)
        assert isinstance(objects, Objects)
        tracked = self._fields.update(frame.header, objects, labels.labels_yx)
        columns = {name: getattr(tracked, name) for name in COLUMNS}
        events = Events(tuple(_published(event) for event in tracked.events))
        return {"objects": objects.with_columns(columns), "track_events": events}

    def close(self) -> None:
        """Nothing to close."""


def _published(event: TrackEvent) -> Event:
    data: dict[str, str | int | float] = {"track_id": event.track_id, "frames_ago": event.frames_ago}
    data |= {f"other_{index}": number for index, number in enumerate(event.others, start=1)}
    return Event(event.kind, event.text, data)
