"""Tracker: gives the objects of one field stable numbers, frame by frame, and says when they divide."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import StageError
from stentor.core.finding import Objects
from stentor.tracking.detections import Detections, detections_of
from stentor.tracking.events import TrackEvent
from stentor.tracking.families import Family, families
from stentor.tracking.habits import Habits
from stentor.tracking.linking import link
from stentor.tracking.settings import TrackerSettings
from stentor.tracking.tracks import Tracks, expectile, new_tracks
from stentor.tracking.view import ChangeOfView, is_seen

YOUNG_FRAMES: Final = 3
"""So long after its birth a track may be found out to be a daughter."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """What the tracker says about one frame.

    Attributes
    ----------
    track_id, parent_id, age_frames
        A row for each object, shape (n,) int32; parent 0: none is known; age in frames since the track's birth.
    area_change, intensity_change
        Area and mean intensity over what is usual for the track at rest, shape (n,) float32; 1: as usual, or new.
    events
        In the order in which they were found out.
    """

    track_id: NDArray[np.int32]
    parent_id: NDArray[np.int32]
    age_frames: NDArray[np.int32]
    area_change: NDArray[np.float32]
    intensity_change: NDArray[np.float32]
    events: tuple[TrackEvent, ...]


class Tracker:
    """One field of one run: call `update` once a frame, in order, from one thread.

    Parameters
    ----------
    next_id
        Gives numbers that no track of the run has had; None: count from 1.
    """

    def __init__(self, settings: TrackerSettings | None = None, *, next_id: Callable[[], int] | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._next_id = next_id or count(1).__next__
        self._tracks: Tracks | None = None
        self._hidden_by: dict[int, int] = {}
        self._diameter_px = 0.0
        self._habits = Habits(self._settings.reach)
        self._events: list[TrackEvent] = []

    def __len__(self) -> int:
        """Number of tracks that are remembered."""
        return 0 if self._tracks is None else len(self._tracks)

    def update(
        self,
        objects: Objects,
        *,
        labels_yx: NDArray[np.int32] | None = None,
        elapsed: int = 1,
        change: ChangeOfView | None = None,
    ) -> Tracked:
        """Take the objects of the next frame.

        Parameters
        ----------
        objects
            With `y_px`, `x_px`, `area_px`; `mean_intensity` and `label` are used where they are.
        labels_yx
            The label image, shape (Y, X): tells which object hides a lost one. None: nothing is said to merge.
        elapsed
            Frames since the last update, 1 when none was skipped.
        change
            How the view of the specimen has changed since the last update; None: not at all.

        Raises
        ------
        StageError
            If there are more objects than the settings allow.
        """
        settings = self._settings
        if len(objects) > settings.most_objects:
            raise StageError(
                f"{len(objects)} objects in one frame are more than the tracker's most_objects = "
                f"{settings.most_objects}; raise it, or look at the segmentation"
            )
        found = detections_of(objects)
        self._events = []
        if change is not None:
            self._change_view(change, found)
        if len(found):
            self._diameter_px = float(np.sqrt(4 / np.pi * np.median(found.area_px)))
        if self._tracks is None:
            self._tracks = self._born(found, np.arange(len(found)), is_first=True)
        else:
            self._follow(self._tracks, found, max(1, elapsed), objects, labels_yx)
        return self._answer(len(found))

    # --- one frame ------------------------------------------------------------------------------------------------

    def _change_view(self, change: ChangeOfView, found: Detections) -> None:
        """Take what is remembered over into the pixels of this frame, whose view of the specimen is another."""
        tracks = self._tracks
        if tracks is None:
            return
        known_yx = np.column_stack([tracks.y_px, tracks.x_px])
        if is_seen(change, known_yx, found.place, 2 * self._habits.motion(self._diameter_px).step_px):
            tracks.change_view(change)
            self._habits.change_scale(change.area_factor**0.5)

    def _follow(
        self, tracks: Tracks, found: Detections, elapsed: int, objects: Objects, labels_yx: NDArray[np.int32] | None
    ) -> None:
        tracks.age_frames += np.int32(elapsed)
        tracks.missed_frames += np.int32(elapsed)
        tracks.row[:] = -1
        known, detection = self._link(tracks, found)
        back = known[tracks.missed_frames[known] > elapsed]
        self._events += [self._return_of(tracks, row) for row in back]
        self._see(tracks, known, found, detection)
        fresh = np.setdiff1d(np.arange(len(found)), detection)
        born = self._born(found, fresh, is_first=False)
        self._events += [TrackEvent("birth", int(number)) for number in born.track_id]
        tracks = tracks.joined(born)
        if self._settings.divides:
            tracks = self._divide(tracks)
        self._notice_merges(tracks, elapsed, objects, labels_yx)
        self._tracks = self._forget(tracks)

    def _link(self, tracks: Tracks, found: Detections) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Link, allowing for a jump of the whole field, and learn how its objects move."""
        if not len(tracks) or not len(found):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        waited = tracks.missed_frames.astype(np.float64)
        habits = self._habits
        expected = habits.expected(tracks, waited)
        expected += habits.drift_yx(expected, found, self._diameter_px)
        known, detection = link(tracks, expected, found, habits.motion(self._diameter_px), waited)
        habits.learn(tracks, known, found, detection)
        return known, detection

    def _see(self, tracks: Tracks, known: NDArray[np.intp], found: Detections, detection: NDArray[np.intp]) -> None:
        """Write what was found into the rows of those who were found."""
        frames = np.maximum(tracks.missed_frames[known], 1)
        tracks.vy_px[known] = (found.y_px[detection] - tracks.y_px[known]) / frames
        tracks.vx_px[known] = (found.x_px[detection] - tracks.x_px[known]) / frames
        tracks.y_px[known], tracks.x_px[known] = found.y_px[detection], found.x_px[detection]
        tracks.area_px[known], tracks.light[known] = found.area_px[detection], found.light[detection]
        tracks.usual_area_px[known] = expectile(tracks.usual_area_px[known], tracks.area_px[known], is_upper=True)
        tracks.usual_light[known] = expectile(tracks.usual_light[known], tracks.light[known], is_upper=False)
        for history, newest in ((tracks.areas_px, found.area_px), (tracks.lights, found.light)):
            history[known, 1:] = history[known, :-1]
            history[known, 0] = newest[detection]
        tracks.missed_frames[known] = 0
        tracks.row[known] = detection

    def _born(self, found: Detections, rows: NDArray[np.int64], *, is_first: bool) -> Tracks:
        numbers = np.array([self._next_id() for _ in rows], np.int32)
        return new_tracks(
            numbers,
            y_px=found.y_px[rows],
            x_px=found.x_px[rows],
            area_px=found.area_px[rows],
            light=found.light[rows],
            row=rows,
            is_first=is_first,
        )

    # --- division -------------------------------------------------------------------------------------------------

    def _divide(self, tracks: Tracks) -> Tracks:
        """Find mothers of young tracks: one that is lost and has two, or one that goes on at half its size."""
        young = np.flatnonzero(
            (tracks.age_frames <= YOUNG_FRAMES) & (tracks.parent_id == 0) & ~tracks.is_first & (tracks.row >= 0)
        )
        step_px = self._habits.motion(self._diameter_px).step_px
        taken: set[int] = set()
        for family in families(tracks, young, diameter_px=self._diameter_px, step_px=step_px, settings=self._settings):
            if taken.isdisjoint(family):
                taken |= set(family)
                tracks = self._part(tracks, family)
        gone = [row for row in taken if tracks.missed_frames[row] < 0]
        return tracks.take(np.setdiff1d(np.arange(len(tracks)), gone)) if gone else tracks

    def _part(self, tracks: Tracks, family: Family) -> Tracks:
        """End the mother and name her daughters; a mother who went on gets a new number as her own daughter."""
        mother, one, other = family
        parent = int(tracks.track_id[mother])
        ago = int(max(tracks.age_frames[one] if one != mother else 0, tracks.age_frames[other]))
        if one == mother:
            tracks.track_id[one] = self._next_id()
            tracks.age_frames[one] = ago
            tracks.areas_px[one, ago + 1 :] = np.nan
            tracks.usual_area_px[one], tracks.usual_light[one] = tracks.area_px[one], tracks.light[one]
        else:
            tracks.missed_frames[mother] = -1
        tracks.parent_id[[one, other]] = parent
        self._hidden_by.pop(parent, None)
        names = (int(tracks.track_id[one]), int(tracks.track_id[other]))
        self._events = [e for e in self._events if not (e.kind == "birth" and e.track_id in names)]
        self._events.append(TrackEvent("division", parent, names, ago))
        return tracks

    # --- merges, losses -------------------------------------------------------------------------------------------

    def _return_of(self, tracks: Tracks, row: Any) -> TrackEvent:
        number = int(tracks.track_id[row])
        host = self._hidden_by.pop(number, None)
        missed = int(tracks.missed_frames[row]) - 1
        return TrackEvent("reappearance", number, (), missed) if host is None else TrackEvent("split", number, (host,))

    def _notice_merges(
        self, tracks: Tracks, elapsed: int, objects: Objects, labels_yx: NDArray[np.int32] | None
    ) -> None:
        """Say of tracks that have just vanished which object lies where they were, if it has grown by them."""
        if labels_yx is None or "label" not in objects:
            return
        host_of = {int(objects["label"][row]): index for index, row in enumerate(tracks.row) if row >= 0}
        for index in np.flatnonzero(tracks.missed_frames == elapsed):
            y, x = round(float(tracks.y_px[index])), round(float(tracks.x_px[index]))
            if not (0 <= y < labels_yx.shape[0] and 0 <= x < labels_yx.shape[1]):
                continue
            host = host_of.get(int(labels_yx[y, x]))
            if host is None or np.isnan(tracks.areas_px[host, 1]):
                continue
            gained = tracks.area_px[host] - tracks.areas_px[host, 1]
            if gained > 0.4 * tracks.area_px[index]:
                number, other = int(tracks.track_id[index]), int(tracks.track_id[host])
                self._hidden_by[number] = other
                self._events.append(TrackEvent("merge", number, (other,)))

    def _forget(self, tracks: Tracks) -> Tracks:
        """Drop tracks that were not seen for too long; those that are hidden are remembered twice as long."""
        patience = np.full(len(tracks), self._settings.memory_frames)
        if self._hidden_by:
            patience[np.isin(tracks.track_id, list(self._hidden_by))] *= 2
        lost = tracks.missed_frames > patience
        for index in np.flatnonzero(lost):
            number = int(tracks.track_id[index])
            self._hidden_by.pop(number, None)
            self._events.append(TrackEvent("loss", number, (), int(tracks.missed_frames[index])))
        return tracks.take(~lost) if lost.any() else tracks

    def _answer(self, objects: int) -> Tracked:
        tracks = self._tracks
        assert tracks is not None
        seen = np.flatnonzero(tracks.row >= 0)
        rows = tracks.row[seen]
        track_id, parent_id, age_frames = (np.zeros(objects, np.int32) for _ in range(3))
        track_id[rows], parent_id[rows] = tracks.track_id[seen], tracks.parent_id[seen]
        age_frames[rows] = tracks.age_frames[seen]
        area_change, intensity_change = (np.ones(objects, np.float32) for _ in range(2))
        area_change[rows] = tracks.area_px[seen] / tracks.usual_area_px[seen]
        intensity_change[rows] = tracks.light[seen] / tracks.usual_light[seen]
        return Tracked(track_id, parent_id, age_frames, area_change, intensity_change, tuple(self._events))
