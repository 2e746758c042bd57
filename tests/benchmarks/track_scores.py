"""Track scores: the Cell Tracking Challenge's TRA of a tracked movie, and the F1 of its divisions."""

import contextlib
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from ctc_metrics.scripts.evaluate import evaluate_sequence
from numpy.typing import NDArray

from stentor.tracking.events import TrackEvent

Labels = NDArray[np.int32]
TOLERANCE_FRAMES = 3


@dataclass(eq=False)
class TrackedMovie:
    """What a tracker said, corrected by its own later events: label images whose values are track numbers.

    `add` frame by frame, then `finish`.
    """

    frames: list[Labels] = field(default_factory=list)
    parents: dict[int, int] = field(default_factory=dict)
    divisions: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    _last: dict[int, int] = field(default_factory=dict)

    def add(
        self, labels_yx: Labels, label: NDArray[np.int32], track: NDArray[np.int32], events: Sequence[TrackEvent]
    ) -> None:
        """Take the segmentation of a frame, its objects' labels and tracks, and what was found out in it."""
        frame = len(self.frames)
        name = np.zeros(int(labels_yx.max()) + 1, np.int32)
        name[label] = track
        self.frames.append(name[labels_yx])
        for event in events:
            if event.kind == "division":
                self._divide(frame, event)
        for number in track.tolist():
            self._fill(number, frame)
            self._last[number] = frame

    def _divide(self, frame: int, event: TrackEvent) -> None:
        began = frame - event.frames_ago
        for earlier in self.frames[began:frame]:
            earlier[earlier == event.track_id] = event.others[0]
        if event.frames_ago:
            self._last[event.others[0]] = frame - 1
        for number in event.others:
            self.parents[number] = event.track_id
        self.divisions.append((began, event.track_id, event.others))

    def _fill(self, number: int, frame: int) -> None:
        """Draw a track that was not seen for some frames, half way from its old place to its new one."""
        last = self._last.get(number, frame)
        if last >= frame - 1:
            return
        mask = self.frames[last] == number
        if not mask.any():
            return
        start, end = (np.argwhere(self.frames[at] == number).mean(axis=0) for at in (last, frame))
        rows = np.argwhere(mask)
        for at in range(last + 1, frame):
            share = (at - last) / (frame - last)
            moved = np.rint(rows + share * (end - start)).astype(int)
            inside = ((moved >= 0) & (moved < mask.shape)).all(axis=1)
            y, x = moved[inside].T
            free = self.frames[at][y, x] == 0
            self.frames[at][y[free], x[free]] = number

    def table(self) -> list[tuple[int, int, int, int]]:
        """Return rows (number, first frame, last frame, parent) as the challenge wants them; renames broken tracks."""
        rows: list[tuple[int, int, int, int]] = []
        seen = [set(np.unique(frame).tolist()) - {0} for frame in self.frames]
        ends: dict[int, int] = {}
        fresh = max((max(s) for s in seen if s), default=0)
        for number in sorted(set().union(*seen)):
            parent, name, begun = self.parents.get(number, 0), number, None
            for at in [*range(len(seen)), len(seen)]:
                there = at < len(seen) and number in seen[at]
                if there:
                    if begun is None:
                        begun = at
                        if name != number:
                            fresh += 1
                            name = fresh
                    if name != number:
                        self.frames[at][self.frames[at] == number] = name
                elif begun is not None:
                    rows.append((name, begun, at - 1, parent))
                    ends[name] = at - 1
                    parent, begun, name = name, None, -1
        known = {row[0] for row in rows}
        last_name = {row[0]: row for row in rows}
        return [(n, b, e, p if p in known and last_name[p][2] < b else 0) for n, b, e, p in rows]


def tra(found: TrackedMovie, truth: Sequence[Labels], parents: dict[int, int]) -> dict[str, float]:
    """Return TRA, DET and LNK of a movie; true labels are track numbers."""
    true = TrackedMovie([labels.copy() for labels in truth], dict(parents))
    with tempfile.TemporaryDirectory() as folder:
        result, reference = Path(folder) / "01_RES", Path(folder) / "01_GT" / "TRA"
        _write(found, result, "mask", "res_track.txt")
        _write(true, reference, "man_track", "man_track.txt")
        with contextlib.redirect_stdout(io.StringIO()):
            scores = evaluate_sequence(str(result), str(reference.parent), ["TRA", "DET", "LNK", "Valid"], threads=1)
    return {name: float(scores[name]) for name in ("TRA", "DET", "LNK")}


def _write(movie: TrackedMovie, folder: Path, stem: str, table: str) -> None:
    folder.mkdir(parents=True)
    rows = movie.table()
    for index, frame in enumerate(movie.frames):
        tifffile.imwrite(folder / f"{stem}{index:04d}.tif", frame.astype(np.uint16), compression="zlib")
    (folder / table).write_text("".join(f"{n} {b} {e} {p}\n" for n, b, e, p in rows))


def division_f1(
    found: TrackedMovie, truth: Sequence[Labels], parents: dict[int, int], divisions: Sequence[tuple[int, int]]
) -> tuple[float, int, int, int]:
    """Return F1, true, false and missed divisions: both daughters must be those of the true mother, in time.

    Parameters
    ----------
    divisions
        True ones as (first frame of the daughters, mother).
    """
    when = {mother: frame for frame, mother in divisions}
    right: set[int] = set()
    wrong = 0
    for frame, _, daughters in found.divisions:
        mothers = {parents.get(_owner(found, truth, number, frame), 0) for number in daughters}
        mother = mothers.pop() if len(mothers) == 1 else 0
        if mother in when and abs(when[mother] - frame) <= TOLERANCE_FRAMES and mother not in right:
            right.add(mother)
        else:
            wrong += 1
    missed = len(when) - len(right)
    return 2 * len(right) / max(1, 2 * len(right) + wrong + missed), len(right), wrong, missed


def _owner(found: TrackedMovie, truth: Sequence[Labels], number: int, frame: int) -> int:
    """Return the true number under a track when it is first seen, looking a few frames ahead."""
    for at in range(frame, min(frame + TOLERANCE_FRAMES + 1, len(truth))):
        under = truth[at][found.frames[at] == number]
        under = under[under > 0]
        if under.size:
            return int(np.bincount(under).argmax())
    return 0
