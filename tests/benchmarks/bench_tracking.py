"""Tracking, measured: TRA and the F1 of divisions through the shipped segmenter, nearest neighbours beside.

    pip install py-ctcmetrics
    python tests/benchmarks/bench_tracking.py --data ../shared/data

Movies are drawn from real nuclei of BBBC039 (the test side of the split) that walk and divide
(tests/benchmarks/nuclei_movie.py), and taken by the simulated microscope, 25 and 50 minutes of its specimen's time
apart. Of what the segmenter finds, a further 5 % of the objects are taken away at random.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))

from nuclei_movie import Movie, MovieFrame, sprites_of
from track_scores import TrackedMovie, division_f1, tra

from stentor.core.finding import Objects
from stentor.inference.measure import measure
from stentor.inference.model import load_model
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import Difficulty, preset
from stentor.tracking.events import TrackEvent
from stentor.tracking.tracker import Tracker
from stentor.train.nuclei_data import load_specimens
from stentor.train.settings import NUCLEI_SETS, TrainSettings
from stentor.train.split import Part

MISSED = 0.05
SIMULATED_FRAMES = 60
EXPOSURE_MS = 100.0
HEAD = """\
| cells | median step | persistence | divisions | tracker | TRA | DET | LNK | division F1 (right, wrong, missed) | ms |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
Seen = tuple[np.ndarray, Objects]


def nearest_neighbours() -> Callable[[Objects, np.ndarray], tuple[np.ndarray, tuple[TrackEvent, ...]]]:
    """Return a tracker that links each object to the nearest one of the frame before, each at most once."""
    numbers = count(1)
    before: dict[str, np.ndarray] = {}

    def update(objects: Objects, labels: np.ndarray) -> tuple[np.ndarray, tuple[TrackEvent, ...]]:
        place = np.column_stack([objects["y_px"], objects["x_px"]])
        track = np.zeros(len(place), np.int32)
        if before and len(before["place"]) and len(place):
            reach = 2 * float(np.sqrt(4 / np.pi * np.median(objects["area_px"])))
            distance, row = cKDTree(before["place"]).query(place, distance_upper_bound=reach)
            taken: set[int] = set()
            for index in np.argsort(distance):
                if np.isfinite(distance[index]) and row[index] not in taken:
                    taken.add(int(row[index]))
                    track[index] = before["track"][row[index]]
        track[track == 0] = [next(numbers) for _ in range(int((track == 0).sum()))]
        before.update(place=place, track=track)
        return track, ()

    return update


def stentors() -> Callable[[Objects, np.ndarray], tuple[np.ndarray, tuple[TrackEvent, ...]]]:
    """Return this project's tracker."""
    tracker = Tracker()

    def update(objects: Objects, labels: np.ndarray) -> tuple[np.ndarray, tuple[TrackEvent, ...]]:
        tracked = tracker.update(objects, labels_yx=labels)
        return tracked.track_id, tracked.events

    return update


def segmented(movie: Sequence[MovieFrame], seed: int, missed: float = MISSED) -> list[Seen]:
    """Return labels and objects of every frame, a share of the objects taken away."""
    model, rng = load_model("nuclei"), np.random.default_rng(seed)
    seen = []
    for frame in movie:
        labels = model(frame.image_yx).labels
        gone = np.flatnonzero(rng.random(int(labels.max()) + 1) < missed)
        labels[np.isin(labels, gone)] = 0
        seen.append((labels, measure(labels, frame.image_yx)))
    return seen


def tracked(seen: Sequence[Seen], update: Callable[[Objects, np.ndarray], Any]) -> tuple[TrackedMovie, list[float]]:
    """Track a movie; returns it with the milliseconds of each frame."""
    movie, spent_ms = TrackedMovie(), []
    for labels, objects in seen:
        begun = time.perf_counter()
        track, events = update(objects, labels)
        spent_ms.append(1e3 * (time.perf_counter() - begun))
        movie.add(labels, objects["label"], track, events)
    return movie, spent_ms


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", default="../shared/data")
    arguments.add_argument("--part", default="test", choices=["train", "validation", "test"])
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    print(HEAD)
    for difficulty, interval_s in (("middle", 1500.0), ("middle", 3000.0), ("hard", 1500.0)):
        taken = simulated(difficulty, interval_s)  # type: ignore[arg-type]
        seen = segmented(taken[0], 1)
        for name, make in (("stentor", stentors), ("nearest", nearest_neighbours)):
            _print_row(f"simulated, {difficulty}, {interval_s / 60:.0f} min", "-", name, [_score(*taken, seen, make)])
    sets = tuple(group for group in NUCLEI_SETS if "bbbc039" in group.folder)
    specimens = load_specimens(TrainSettings(data=options.data, out="", scratch="", sets=sets))
    chosen = [s for s in specimens if s.part is Part(options.part)]
    sprites = sprites_of([(s.image_yx, s.labels_yx.astype(np.int32)) for s in chosen])
    print(f"{len(sprites)} real nuclei of {len(chosen)} images, {options.part} side")
    print(HEAD)
    for cells, step, persistence in ((50, 0.5, 0.0), (50, 0.5, 0.5), (50, 0.7, 0.3), (90, 0.5, 0.3)):
        for name, make in (("stentor", stentors), ("nearest", nearest_neighbours)):
            rows = [_scored(sprites, cells, step, persistence, seed, make) for seed in range(1, options.seeds + 1)]
            _print_row(str(cells), f"{persistence:g}", name, rows)


def _print_row(cells: str, persistence: str, name: str, rows: Sequence[dict[str, float]]) -> None:
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    total = {key: sum(row[key] for row in rows) for key in rows[0]}
    f1 = f"{mean['f1']:.3f} ({total['right']}, {total['wrong']}, {total['missed']})"
    measured = " | ".join(f"{mean[key]:.3f}" for key in ("TRA", "DET", "LNK"))
    print(
        f"| {cells} | {mean['step']:.2f} D | {persistence} | {total['divisions']} | {name} | {measured} | {f1} | "
        f"{mean['ms']:.1f} |",
        flush=True,
    )


_seen: dict[Any, Any] = {}


def _scored(sprites: Any, cells: int, step: float, persistence: float, seed: int, make: Any) -> dict[str, float]:
    key = (cells, step, persistence, seed)
    if key not in _seen:
        movie = Movie(sprites, cells=cells, step=step, persistence=persistence, seed=seed)
        frames = list(movie)
        _seen[key] = frames, movie.parents, movie.divisions, segmented(frames, seed)
    return _score(*_seen[key], make)


def _score(
    frames: Sequence[MovieFrame],
    parents: dict[int, int],
    divisions: list[tuple[int, int]],
    seen: Sequence[Seen],
    make: Callable[[], Any],
) -> dict[str, float]:
    found, spent_ms = tracked(seen, make())
    truth = [frame.labels_yx for frame in frames]
    f1, right, wrong, missed = division_f1(found, truth, parents, divisions)
    return tra(found, truth, parents) | {
        "f1": f1, "right": right, "wrong": wrong, "missed": missed, "divisions": len(divisions),
        "ms": float(np.median(spent_ms)), "step": _median_step(frames),
    }  # fmt: skip


def simulated(
    difficulty: Difficulty, interval_s: float
) -> tuple[list[MovieFrame], dict[int, int], list[tuple[int, int]]]:
    """Return a movie of the living specimen, the mother of every nucleus, and (frame, mother) of its divisions."""
    settings, clock = preset(difficulty), HandClock()
    microscope = Microscope(settings, clock)
    clock.advance(6 * 3600)
    frames, parents = [], {}
    for number in range(SIMULATED_FRAMES):
        clock.advance(interval_s)
        shot = microscope.expose(number, clock.monotonic_ns(), EXPOSURE_MS, auto_shutter=True)
        parents.update(zip(shot.truth.ids.tolist(), shot.truth.parents.tolist(), strict=True))
        frames.append(MovieFrame(shot.pixels, shot.truth.labels()))
    first: dict[int, int] = {}
    for number, frame in enumerate(frames):
        for label in np.unique(frame.labels_yx)[1:].tolist():
            first.setdefault(label, number)
    daughters: dict[int, list[int]] = {}
    for label, number in first.items():
        if number and parents[label] in first:
            daughters.setdefault(parents[label], []).append(number)
    divisions = [(max(at), mother) for mother, at in daughters.items() if len(at) == 2 and max(at) - min(at) <= 1]
    return frames, parents, divisions


def _median_step(frames: Sequence[MovieFrame]) -> float:
    """Return the median true step in diameters."""
    steps, before = [], {}
    for frame in frames:
        table = measure(frame.labels_yx, frame.image_yx)
        now = {int(n): (y, x) for n, y, x in zip(table["label"], table["y_px"], table["x_px"], strict=True)}
        diameter = float(np.sqrt(4 / np.pi * np.median(table["area_px"])))
        steps += [np.hypot(*(np.subtract(now[n], before[n]))) / diameter for n in now.keys() & before.keys()]
        before = now
    return float(np.median(steps))


if __name__ == "__main__":
    main()
