"""A tracker keeps every object's number while it moves, hides, divides and merges."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stentor.core.errors import StageError
from stentor.core.finding import Objects
from stentor.tracking.settings import TrackerSettings
from stentor.tracking.tracker import Tracked, Tracker

Cell = tuple[float, float]
AREA, LIGHT = 500.0, 100.0
GRID = [(50.0 + 60 * row, 50.0 + 60 * column) for row in range(4) for column in range(5)]


def table(cells: Sequence[Cell], area: Sequence[float] | None = None, light: Sequence[float] | None = None) -> Objects:
    y, x = np.array(cells, np.float32).reshape(-1, 2).T
    return Objects(
        {
            "label": np.arange(1, len(y) + 1, dtype=np.int32),
            "y_px": y,
            "x_px": x,
            "area_px": np.array(area if area is not None else [AREA] * len(y), np.float32),
            "mean_intensity": np.array(light if light is not None else [LIGHT] * len(y), np.float32),
        }
    )


def moved(cells: Sequence[Cell], dy: float, dx: float) -> list[Cell]:
    return [(y + dy, x + dx) for y, x in cells]


def events(tracked: Tracked) -> list[tuple[str, int]]:
    return [(event.kind, event.track_id) for event in tracked.events]


def test_objects_of_the_first_frame_are_numbered_without_events() -> None:
    tracked = Tracker().update(table(GRID))

    assert tracked.track_id.tolist() == list(range(1, 21))
    assert tracked.events == ()
    assert not tracked.parent_id.any()


def test_numbers_stay_whatever_the_order_of_the_rows() -> None:
    tracker = Tracker()
    tracker.update(table(GRID))

    for step in range(1, 10):
        cells = moved(GRID, 3.0 * step, -2.0 * step)[::-1]
        tracked = tracker.update(table(cells))

    assert tracked.track_id.tolist() == list(range(20, 0, -1))
    assert tracked.age_frames.tolist() == [9] * 20
    assert tracked.events == ()


def test_a_jump_of_the_whole_field_by_a_diameter_is_followed() -> None:
    rng = np.random.default_rng(1)
    scattered = [(float(y), float(x)) for y, x in rng.uniform(50, 600, (25, 2))]
    tracker = Tracker()
    tracker.update(table(scattered))
    tracker.update(table(scattered))

    tracked = tracker.update(table(moved(scattered, 18.0, 14.0)))

    assert tracked.track_id.tolist() == list(range(1, 26))


def test_an_object_that_is_not_seen_for_two_frames_keeps_its_number() -> None:
    tracker = Tracker()
    tracker.update(table(GRID))
    for _ in range(2):
        assert events(tracker.update(table(GRID[1:]))) == []

    back = tracker.update(table(GRID))

    assert back.track_id.tolist() == list(range(1, 21))
    assert [(event.kind, event.track_id, event.frames_ago) for event in back.events] == [("reappearance", 1, 2)]


def test_an_object_that_stays_away_is_lost_and_comes_back_as_another() -> None:
    tracker = Tracker(TrackerSettings(memory_frames=2))
    tracker.update(table(GRID))
    said = [events(tracker.update(table(GRID[1:]))) for _ in range(4)]

    back = tracker.update(table(GRID))

    assert said == [[], [], [("loss", 1)], []]
    assert back.track_id[0] == 21
    assert events(back) == [("birth", 21)]


def divided(cells: Sequence[Cell], which: int) -> tuple[list[Cell], list[float], list[float]]:
    """Return cells, areas and lights with one of them in two small bright halves at the end."""
    y, x = cells[which]
    rest = [cell for index, cell in enumerate(cells) if index != which]
    halves = [(y, x - 8.0), (y, x + 8.0)]
    return [*rest, *halves], [AREA] * len(rest) + [240.0, 250.0], [LIGHT] * len(rest) + [160.0, 155.0]


def test_a_division_ends_the_mother_and_names_both_daughters() -> None:
    tracker = Tracker()
    for _ in range(3):
        tracker.update(table(GRID))

    tracked = tracker.update(table(*divided(GRID, 7)))

    (event,) = tracked.events
    assert (event.kind, event.track_id, event.frames_ago) == ("division", 8, 0)
    assert sorted(event.others) == sorted(tracked.track_id[-2:].tolist())
    assert tracked.parent_id.tolist() == [0] * 19 + [8, 8]
    assert 8 not in tracked.track_id
    assert tracked.age_frames[-2:].tolist() == [0, 0]


def test_daughters_that_are_both_new_are_found_though_the_mother_was_missed_meanwhile() -> None:
    tracker = Tracker()
    for _ in range(3):
        tracker.update(table(GRID))
    tracker.update(table([cell for index, cell in enumerate(GRID) if index != 7]))

    tracked = tracker.update(table(*divided(GRID, 7)))

    assert ("division", 8) in events(tracked)
    assert tracked.parent_id[-2:].tolist() == [8, 8]


def test_a_second_daughter_that_is_seen_late_revises_what_was_said() -> None:
    tracker = Tracker()
    for _ in range(3):
        tracker.update(table(GRID))
    cells, area, light = divided(GRID, 7)
    before = tracker.update(table(cells[:-1], area[:-1], light[:-1]))
    assert before.track_id[-1] == 8

    tracked = tracker.update(table(cells, area, light))

    (event,) = [event for event in tracked.events if event.kind == "division"]
    assert event.track_id == 8
    assert set(event.others) == set(tracked.track_id[-2:].tolist())
    assert 8 not in tracked.track_id


def test_what_never_divides_only_appears() -> None:
    tracker = Tracker(TrackerSettings(divides=False))
    for _ in range(3):
        tracker.update(table(GRID))

    tracked = tracker.update(table(*divided(GRID, 7)))

    assert {event.kind for event in tracked.events} <= {"birth", "loss"}
    assert not tracked.parent_id.any()


def test_a_newcomer_of_full_size_is_no_daughter() -> None:
    tracker = Tracker()
    for _ in range(3):
        tracker.update(table(GRID))

    tracked = tracker.update(table([*GRID, (GRID[7][0], GRID[7][1] + 26.0)]))

    assert events(tracked) == [("birth", 21)]
    assert not tracked.parent_id.any()


def test_a_merge_and_the_split_after_it_are_said() -> None:
    tracker = Tracker()
    pair = [(100.0, 100.0), (100.0, 126.0), *GRID[10:]]
    labels = np.zeros((400, 400), np.int32)
    labels[85:115, 85:142] = 1
    for _ in range(3):
        tracker.update(table(pair))

    merged = tracker.update(table([(100.0, 112.0), *GRID[10:]], [1000.0] + [AREA] * len(GRID[10:])), labels_yx=labels)
    parted = tracker.update(table(pair), labels_yx=np.zeros_like(labels))

    hidden = {1, 2} - {int(merged.track_id[0])}
    assert events(merged) == [("merge", hidden.pop())]
    assert {"split"} == {event.kind for event in parted.events}
    assert set(parted.track_id[:2].tolist()) == {1, 2}


def test_skipped_frames_let_objects_go_further() -> None:
    tracker = Tracker()
    for step in range(4):
        tracker.update(table(moved(GRID, 0.0, 6.0 * step)))

    tracked = tracker.update(table(moved(GRID, 0.0, 6.0 * 7)), elapsed=4)

    assert tracked.track_id.tolist() == list(range(1, 21))
    assert tracked.age_frames.tolist() == [7] * 20


def test_empty_frames_are_no_error() -> None:
    tracker = Tracker()

    assert len(tracker.update(table([])).track_id) == 0
    tracker.update(table(GRID))
    assert len(tracker.update(table([])).track_id) == 0
    assert tracker.update(table(GRID)).track_id.tolist() == list(range(1, 21))


def test_too_many_objects_are_refused_by_the_name_of_the_setting() -> None:
    with pytest.raises(StageError, match="most_objects = 10"):
        Tracker(TrackerSettings(most_objects=10)).update(table(GRID))


def test_memory_stays_bounded_when_nothing_ever_comes_back() -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker(TrackerSettings(memory_frames=3))

    sizes = []
    for _ in range(300):
        tracker.update(table([(float(y), float(x)) for y, x in rng.uniform(0, 5000, (40, 2))]))
        sizes.append(len(tracker))

    assert max(sizes) <= 40 * 5
    assert len(tracker._hidden_by) <= len(tracker)


cells = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), max_size=12, unique=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, st.integers(1, 4)), min_size=1, max_size=8))
def test_whatever_comes_every_object_has_a_number_of_its_own(frames: list[tuple[list[Cell], int]]) -> None:
    tracker = Tracker()
    seen: set[int] = set()
    for found, elapsed in frames:
        tracked = tracker.update(table(found), elapsed=elapsed)

        numbers = tracked.track_id.tolist()
        assert len(numbers) == len(found) == len(set(numbers))
        assert 0 not in numbers
        ended = {event.track_id for event in tracked.events if event.kind in ("division", "loss")}
        assert ended.isdisjoint(numbers)
        assert all(parent in seen or parent == 0 for parent in tracked.parent_id.tolist())
        seen.update(numbers)


def test_an_object_is_compared_with_what_it_used_to_be() -> None:
    tracker = Tracker()
    size = np.linspace(0.5, 1.5, len(GRID))  # small and large ones are all as usual
    for _ in range(10):
        tracked = tracker.update(table(GRID, area=list(AREA * size)))
    assert tracked.area_change == pytest.approx(1) and tracked.intensity_change == pytest.approx(1)

    size[3], light = size[3] * 0.4, [LIGHT] * len(GRID)
    light[3] = 1.9 * LIGHT
    for _ in range(50):
        tracked = tracker.update(table(GRID, area=list(AREA * size), light=light))

    assert tracked.area_change[3] < 0.6 and tracked.intensity_change[3] > 1.4, "50 frames of it do not make it usual"
    others = np.arange(len(GRID)) != 3
    assert tracked.area_change[others] == pytest.approx(1) and tracked.intensity_change[others] == pytest.approx(1)


def test_a_growing_object_is_as_usual() -> None:
    tracker = Tracker()
    for step in range(100):
        tracked = tracker.update(table(GRID, area=[AREA * (1 + step / 100)] * len(GRID)))

    assert tracked.area_change == pytest.approx(1, abs=0.05)


def test_a_daughter_is_compared_with_herself() -> None:
    tracker = Tracker()
    for _ in range(3):
        tracker.update(table(GRID))
    cells, areas, lights = divided(GRID, 7)
    for _ in range(5):
        tracked = tracker.update(table(cells, area=areas, light=lights))

    assert tracked.parent_id[-2:].tolist() == [8, 8]
    assert tracked.area_change == pytest.approx(1) and tracked.intensity_change == pytest.approx(1)
