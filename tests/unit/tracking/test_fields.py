"""Interleaved positions and channels do not know of each other, whatever is dropped between them."""

import numpy as np
import pytest

from stentor.core.errors import StageError
from stentor.core.finding import Objects
from stentor.core.frame import FrameHeader, FrameId, PixelToStage
from stentor.tracking.fields import Fields
from stentor.tracking.settings import TrackerSettings
from stentor.tracking.tracker import Tracked


def header(
    sequence: int,
    *,
    run: str = "a",
    p: int | None = None,
    t: int | None = None,
    channel: str = "DAPI",
    pixel_to_stage: PixelToStage | None = None,
) -> FrameHeader:
    return FrameHeader(
        frame_id=FrameId("camera", run, sequence), shape_yx=(8, 8), dtype="uint16", received_ns=0, clock_id="test",
        p=p, t=t, channel=channel, pixel_to_stage=pixel_to_stage,
    )  # fmt: skip


def culture(seed: int, frames: int = 20) -> list[Objects]:
    """Tables of 15 cells that walk."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 500, (15, 2))
    tables = []
    for _ in range(frames):
        place = place + rng.normal(0, 5, place.shape)
        y, x = rng.permutation(place).astype(np.float32).T
        tables.append(Objects({"y_px": y, "x_px": x, "area_px": np.full(15, 500, np.float32)}))
    return tables


def lineage(answers: list[Tracked]) -> list[list[int]]:
    """Numbers in order of their first appearance, so that two runs compare."""
    names: dict[int, int] = {}
    return [[names.setdefault(number, len(names)) for number in answer.track_id.tolist()] for answer in answers]


@pytest.mark.parametrize("has_time_points", [True, False])
def test_three_interleaved_positions_with_dropped_frames_are_three_separate_runs(has_time_points: bool) -> None:
    cultures = [culture(seed) for seed in range(3)]
    dropped = {(t, p) for t in range(20) for p in range(3) if (7 * t + 3 * p) % 11 == 5}
    together, apart = Fields(TrackerSettings()), [Fields(TrackerSettings()) for _ in range(3)]

    mixed: list[list[Tracked]] = [[], [], []]
    alone: list[list[Tracked]] = [[], [], []]
    for t in range(20):
        for p, tables in enumerate(cultures):
            if (t, p) in dropped:
                continue
            time_point = t if has_time_points else None
            mixed[p].append(together.update(header(3 * t + p, p=p, t=time_point), tables[t], None))
            alone[p].append(apart[p].update(header(t, t=time_point), tables[t], None))

    assert dropped
    assert [lineage(answers) for answers in mixed] == [lineage(answers) for answers in alone]
    numbers = [{n for answer in answers for n in answer.track_id.tolist()} for answers in mixed]
    assert sum(map(len, numbers)) == len(set.union(*numbers)), "numbers are unique within the run"


def test_channels_are_followed_by_themselves() -> None:
    fields = Fields(TrackerSettings())

    red = fields.update(header(0, channel="red"), culture(1)[0], None)
    green = fields.update(header(1, channel="green"), culture(2)[0], None)

    assert set(red.track_id.tolist()).isdisjoint(green.track_id.tolist())
    assert green.events == ()


def test_a_new_run_counts_from_one() -> None:
    fields = Fields(TrackerSettings())
    fields.update(header(0, run="a"), culture(1)[0], None)

    assert fields.update(header(0, run="b"), culture(1)[0], None).track_id.tolist() == list(range(1, 16))


def test_old_fields_are_forgotten() -> None:
    fields = Fields(TrackerSettings(), most_fields=10)

    for number in range(50):
        fields.update(header(0, run=f"run {number}"), culture(1)[0], None)

    assert len(fields) == 10
    assert len(fields._numbers) == 10


def mounted(turn: list[list[float]], x0: float, y0: float) -> PixelToStage:
    """A camera whose pixels (x, y) are turned so on the stage, with pixel (0, 0) there."""
    (xx, xy), (yx, yy) = turn
    return PixelToStage(xx=xx, xy=xy, x0=x0, yx=yx, yy=yy, y0=y0)


def seen_by(view: PixelToStage, table: Objects) -> Objects:
    """The table of a camera with another view, of one whose pixels are micrometres."""
    to_stage = np.array([[view.xx, view.xy], [view.yx, view.yy]])
    x, y = np.linalg.solve(to_stage, [table["x_px"] - view.x0, table["y_px"] - view.y0])
    area = table["area_px"] / abs(np.linalg.det(to_stage))
    return Objects({"y_px": y.astype(np.float32), "x_px": x.astype(np.float32), "area_px": area.astype(np.float32)})


TURNS = {
    "upright": [[1.0, 0.0], [0.0, 1.0]],
    "a quarter": [[0.0, -1.0], [1.0, 0.0]],
    "mirrored": [[-1.0, 0.0], [0.0, 1.0]],
    "turned by 30 degrees, mirrored, half as fine": [[1.73, 1.0], [1.0, -1.73]],
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_a_move_of_the_stage_is_no_motion_of_the_objects(turn: list[list[float]]) -> None:
    rng, still, moved = np.random.default_rng(7), Fields(TrackerSettings()), Fields(TrackerSettings())
    at_rest, watched = [], []
    for t, table in enumerate(culture(3)):
        view = mounted(turn, *rng.uniform(-300, 300, 2))
        at_rest.append(still.update(header(t), table, None))
        watched.append(moved.update(header(t, pixel_to_stage=view), seen_by(view, table), None))

    assert lineage(watched) == lineage(at_rest)


def test_binning_in_mid_run_leaves_every_object_its_number() -> None:
    still, binned = Fields(TrackerSettings()), Fields(TrackerSettings())
    at_rest, watched = [], []
    for t, table in enumerate(culture(4)):
        side = 1.0 if t % 5 < 3 else 2.0
        view = mounted([[side, 0.0], [0.0, side]], (side - 1) / 2, (side - 1) / 2)
        at_rest.append(still.update(header(t), table, None))
        watched.append(binned.update(header(t, pixel_to_stage=view), seen_by(view, table), None))

    assert lineage(watched) == lineage(at_rest)


def test_a_frame_that_does_not_say_where_it_lies_is_followed_as_before() -> None:
    fields = Fields(TrackerSettings())
    tables = culture(5, frames=3)
    views = [mounted(TURNS["upright"], 0.0, 0.0), None, mounted(TURNS["upright"], 400.0, 0.0)]

    answers = [fields.update(header(t, pixel_to_stage=v), tables[t], None) for t, v in enumerate(views)]

    assert all(set(answer.track_id.tolist()) == set(range(1, 16)) for answer in answers)


def test_a_place_that_was_read_late_moves_no_object() -> None:
    still, told_late = Fields(TrackerSettings()), Fields(TrackerSettings())
    at_rest, watched = [], []
    for t, table in enumerate(culture(6)):
        view = mounted(TURNS["upright"], 300.0 if t >= 10 else 0.0, 0.0)  # the image shows the same all the time
        at_rest.append(still.update(header(t), table, None))
        watched.append(told_late.update(header(t, pixel_to_stage=view), table, None))

    assert lineage(watched) == lineage(at_rest)


def test_a_frame_without_a_place_between_two_that_the_stage_has_moved_costs_no_number() -> None:
    fields, tables = Fields(TrackerSettings()), culture(8, frames=2)
    home, away = mounted(TURNS["upright"], 0.0, 0.0), mounted(TURNS["upright"], 250.0, -90.0)
    first = fields.update(header(0, pixel_to_stage=home), tables[0], None)
    empty = {name: np.zeros(0, np.float32) for name in ("y_px", "x_px", "area_px")}

    fields.update(header(1, pixel_to_stage=None), Objects(empty), None)  # blurred: the stage is moving
    last = fields.update(header(2, pixel_to_stage=away), seen_by(away, tables[1]), None)

    assert set(last.track_id.tolist()) == set(first.track_id.tolist())


def test_a_frame_that_fails_while_the_stage_moves_does_not_move_the_objects_twice() -> None:
    fields, tables = Fields(TrackerSettings(most_objects=15)), culture(9, frames=2)
    home, away = mounted(TURNS["upright"], 0.0, 0.0), mounted(TURNS["upright"], 250.0, -90.0)
    first = fields.update(header(0, pixel_to_stage=home), tables[0], None)
    with pytest.raises(StageError):
        fields.update(header(1, pixel_to_stage=away), Objects({"y_px": np.zeros(16, np.float32)}), None)

    last = fields.update(header(2, pixel_to_stage=away), seen_by(away, tables[1]), None)

    assert set(last.track_id.tolist()) == set(first.track_id.tolist())


def test_a_drive_that_answers_with_no_number_ends_no_field() -> None:
    fields, tables = Fields(TrackerSettings()), culture(10, frames=3)
    views = [mounted(TURNS["upright"], x0, 0.0) for x0 in (0.0, float("nan"), 0.0)]

    answers = [fields.update(header(t, pixel_to_stage=v), tables[t], None) for t, v in enumerate(views)]

    assert all(set(answer.track_id.tolist()) == set(range(1, 16)) for answer in answers)
