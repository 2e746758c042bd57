"""Controllers built in: what they ask for on which results."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from stentor.core import action as act
from stentor.core.clock import FakeClock
from stentor.core.errors import ConfigError, PublishError, StageError
from stentor.core.finding import Event, Objects
from stentor.core.frame import FrameHeader, FrameId, PixelToStage, StagePosition
from stentor.core.mask import unpack_mask
from stentor.core.microscope import Microscope
from stentor.service.controllers import build_controller, check_controllers
from stentor.service.run import run_rig
from stentor.service.settings import Settings

UPRIGHT = PixelToStage(0.5, 0.0, -31.75, 0.0, 0.5, -31.75)


@dataclass(frozen=True)
class Seen:
    """One result."""

    frame: FrameHeader
    objects: Objects = field(default_factory=lambda: Objects({}))
    events: tuple[Event, ...] = ()
    models: dict[str, Any] = field(default_factory=dict)
    is_late: bool = False
    labels: Any = None

    scores: dict[str, float] = field(default_factory=dict)

    def score(self, name: str) -> float | None:
        return self.scores.get(name)

    def image(self, name: str) -> None:
        return None


def seen(
    s: float, *events: str, at: tuple[float, float] = (0.0, 0.0), affine: PixelToStage | None = UPRIGHT, **columns: Any
) -> Seen:
    """A result of a frame of 128 x 128 received at `s` seconds, the stage at (x, y) = `at`."""
    moved = None if affine is None else replace_origin(affine, at)
    header = FrameHeader(
        frame_id=FrameId("camera", "run", int(10 * s)), shape_yx=(128, 128), dtype="uint16", received_ns=int(s * 1e9),
        clock_id="fake", stage=StagePosition(at[0], at[1], 0.0, "read-back"), pixel_to_stage=moved,
    )  # fmt: skip
    table = {name: np.asarray(values) for name, values in columns.items()}
    if moved is not None and "x_px" in table:
        table["y_um"], table["x_um"] = moved.locate(table["y_px"], table["x_px"])
    return Seen(header, Objects(table), tuple(Event(kind, kind) for kind in events))


def replace_origin(affine: PixelToStage, at: tuple[float, float]) -> PixelToStage:
    """The affine of a frame taken with the stage at (x, y)."""
    x0, y0 = (at[0] - 63.5 * (affine.xx + affine.xy), at[1] - 63.5 * (affine.yx + affine.yy))
    return msgspec.structs.replace(affine, x0=x0, y0=y0)


def with_frame(result: Seen, **changes: Any) -> Seen:
    """The same of a frame that is otherwise in some respects."""
    return replace(result, frame=msgspec.structs.replace(result.frame, **changes))


def in_run(result: Seen, run: str) -> Seen:
    """The same in another run."""
    return with_frame(result, frame_id=msgspec.structs.replace(result.frame.frame_id, run=run))


Answer = str | tuple[str, str]
"""A verdict, or a verdict and the guard's rule."""


class Bench:
    """A controller, and what it asks for."""

    def __init__(
        self, kind: str, answer: Callable[[act.Request], Answer] = lambda request: "done", **settings: Any
    ) -> None:
        self.controller = build_controller(0, {"kind": kind, **settings})
        self.asked: list[act.Request] = []
        self.clock = FakeClock()

        def ask(request: act.Request, timeout_s: float) -> act.Receipt:
            self.asked.append(request)
            now = self.clock.monotonic_ns()
            answered = answer(request)
            verdict: Any
            verdict, rule = (answered, "") if isinstance(answered, str) else answered
            return act.Receipt(id=request.id, verdict=verdict, rule=rule, received_ns=now, done_ns=now, clock_id="fake")

        self.microscope = Microscope(ask, self.clock, controller=kind)

    def show(self, *results: Seen) -> list[act.Action]:
        before = len(self.asked)
        for result in results:
            self.clock.advance(ms=max(0.0, result.frame.received_ns / 1e6 - self.clock.monotonic_ns() / 1e6))
            self.controller.on_result(result, self.microscope)
        return [request.action for request in self.asked[before:]]


RULE = {"when": "count(objects) >= 2", "then": [{"kind": "pause"}], "otherwise": [{"kind": "resume"}]}


def cells(count: int) -> dict[str, Any]:
    return {"label": np.arange(1, count + 1)}


def test_a_rule_acts_when_its_condition_begins_and_when_it_ends() -> None:
    bench = Bench("rule", **RULE)

    assert bench.show(seen(0, **cells(1))) == []
    assert bench.show(seen(1, **cells(2))) == [act.Pause()]
    assert bench.show(seen(2, **cells(3))) == []
    assert bench.show(seen(3, **cells(0))) == [act.Resume()]
    assert bench.asked[0].cause.reason == "count(objects) >= 2"
    assert bench.asked[0].cause.frame_id == FrameId("camera", "run", 10)


def test_a_rule_can_wait_for_several_frames_that_agree() -> None:
    bench = Bench("rule", **RULE, frames=3)

    flicker = bench.show(*(seen(s, **cells(s % 2 * 2)) for s in range(6)))
    steady = bench.show(*(seen(10 + s, **cells(2)) for s in range(3)))

    assert (flicker, steady) == ([], [act.Pause()])


def test_what_is_refused_ends_the_row_of_actions() -> None:
    both = {**RULE, "then": [{"kind": "move-z", "z_um": 1.0}, {"kind": "pause"}]}
    bench = Bench("rule", answer=lambda request: "refused", **both)

    assert len(bench.show(seen(0, **cells(2)))) == 1


def test_a_rule_acts_in_every_run_whose_results_satisfy_it() -> None:
    # A scope that was started again images at its own interval; the rule took it for that of the last run.
    bench = Bench("rule", **RULE)
    bench.show(seen(0, **cells(2)))

    assert bench.show(in_run(seen(1, **cells(2)), "next"), in_run(seen(2, **cells(2)), "next")) == [act.Pause()]


def test_a_rule_that_was_refused_acts_once_it_is_armed() -> None:
    verdicts = iter(["refused", "refused", "done"])
    bench = Bench("rule", lambda request: next(verdicts), **RULE)

    assert bench.show(*(seen(s, **cells(2)) for s in range(5))) == [act.Pause()] * 3


def test_what_failed_or_was_not_answered_may_have_been_done_and_is_not_asked_for_again() -> None:
    def unanswered(request: act.Request) -> str:
        raise PublishError("the scope was started again")

    pulses = {**RULE, "then": [{"kind": "pulse-shutter", "duration_ms": 5.0}, {"kind": "pause"}]}
    failing, silent = Bench("rule", lambda request: "failed", **pulses), Bench("rule", unanswered, **pulses)

    failing.show(*(seen(s, **cells(2)) for s in range(5)))
    with pytest.raises(PublishError):
        silent.show(seen(0, **cells(2)))
    silent.show(*(seen(s, **cells(2)) for s in range(1, 5)))

    assert [request.action for request in failing.asked + silent.asked] == [act.PulseShutter(duration_ms=5.0)] * 2


def test_a_rule_in_a_dry_run_asks_once() -> None:
    bench = Bench("rule", lambda request: "dry-run", **RULE)

    assert bench.show(*(seen(s, **cells(2)) for s in range(5))) == [act.Pause()]


def test_of_a_row_whose_second_action_is_refused_the_first_is_not_done_twice() -> None:
    verdicts = iter(["done", "refused", "refused", "done"])
    both = {**RULE, "then": [{"kind": "move-z", "z_um": 1.0}, {"kind": "pause"}]}
    bench = Bench("rule", lambda request: next(verdicts), **both)

    asked = bench.show(*(seen(s, **cells(2)) for s in range(5)))

    assert asked == [act.MoveZ(z_um=1.0), act.Pause(), act.Pause(), act.Pause()]


def test_what_was_refused_is_not_asked_for_on_a_result_that_speaks_against_it() -> None:
    bench = Bench("rule", lambda request: "refused", **RULE, frames=2)
    bench.show(seen(0, **cells(2)), seen(1, **cells(2)))

    assert bench.show(seen(2, **cells(0))) == []
    assert bench.show(seen(3, **cells(0))) == [act.Resume()]


def test_a_rule_that_is_done_again_waits_from_when_it_was_done() -> None:
    verdicts = iter(["refused", "done", "done"])
    bench = Bench("rule", lambda request: next(verdicts), **RULE, every_s=10.0)

    asked = [bench.show(seen(s, **cells(2))) for s in (0, 5, 14, 15)]

    assert asked == [[act.Pause()], [act.Pause()], [], [act.Pause()]]


def test_a_refusal_that_is_given_again_and_again_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    verdicts = iter(["refused"] * 3 + ["done"] + ["refused"] * 2)
    bench = Bench("rule", lambda request: next(verdicts), **RULE)

    bench.show(*(seen(s, **cells(2)) for s in range(4)), *(seen(4 + s, **cells(0)) for s in range(2)))

    assert [record.getMessage().split(" by ")[0] for record in caplog.records] == [
        "Pause was refused", "Resume was refused",
    ]  # fmt: skip


def test_an_event_raises_the_rate_and_quiet_lowers_it() -> None:
    bench = Bench("event-rate", when="event('division') > 0", slow_s=60.0, fast_s=5.0, hold_s=30.0)

    asked = [
        bench.show(seen(0)),
        bench.show(seen(31)),
        bench.show(seen(60, "division")),
        bench.show(seen(65)),
        bench.show(seen(80, "division")),
        bench.show(seen(109)),
        bench.show(seen(111)),
    ]

    slow, fast = [act.SetInterval(interval_ms=60_000)], [act.SetInterval(interval_ms=5000)]
    assert asked == [fast, slow, fast, [], [], [], slow]
    assert [request.cause.reason for request in bench.asked] == [
        "a run begins", "quiet for 30 s", "event('division') > 0", "quiet for 30 s",
    ]  # fmt: skip


def test_a_rate_that_was_refused_is_asked_for_again() -> None:
    verdicts = iter(["refused", "done", "done"])
    bench = Bench("event-rate", lambda request: next(verdicts), when="event('division')", slow_s=60.0, fast_s=5.0)

    assert len(bench.show(seen(0), seen(1), seen(2))) == 2


def nuclei(*bright_tracks: int) -> dict[str, Any]:
    """Three tracks, some of them bright."""
    return {
        "label": [1, 2, 3], "track_id": [7, 8, 9],
        "mean_intensity": [900.0 if track in bright_tracks else 300.0 for track in (7, 8, 9)],
    }  # fmt: skip


BRIGHT: dict[str, Any] = {"which": "mean_intensity > 500", "slow_s": 60.0, "fast_s": 5.0, "hold_s": 10.0}


def test_an_object_calls_for_the_fast_rate_so_long_and_no_longer() -> None:
    # A dying nucleus, bright for hours, kept the rate fast all night; another that became bright meanwhile counts.
    bench = Bench("event-rate", **BRIGHT, longest_s=100.0)
    slow, fast = [act.SetInterval(interval_ms=60_000)], [act.SetInterval(interval_ms=5000)]

    assert bench.show(seen(0, **nuclei()), seen(11, **nuclei())) == fast + slow
    assert bench.show(seen(60, **nuclei(7))) == fast
    assert bench.show(seen(155, **nuclei(7))) == []
    assert bench.show(seen(170, **nuclei(7))) == slow
    assert bench.show(seen(230, **nuclei(7, 8))) == fast
    assert "mean_intensity > 500" in bench.asked[-1].cause.reason


def test_an_object_that_was_dark_for_long_is_a_new_sign() -> None:
    bench = Bench("event-rate", **BRIGHT, longest_s=20.0)
    bench.show(seen(0, **nuclei(7)), seen(60, **nuclei(7)))

    assert bench.show(seen(90, **nuclei()), seen(120, **nuclei(7)))[-1] == act.SetInterval(interval_ms=5000)


def test_objects_call_for_the_fast_rate_without_end_when_none_is_named() -> None:
    bench = Bench("event-rate", **BRIGHT)
    bench.show(seen(0, **nuclei(7)))

    assert bench.show(seen(100, **nuclei(7)), seen(10_000, **nuclei(7))) == []


def test_a_new_run_begins_at_its_own_rate_and_is_told_the_right_one() -> None:
    # A scope that was started again images at acquisition.rate_hz; the rate stayed wrong until the next event.
    bench = Bench("event-rate", when="event('division')", slow_s=60.0, fast_s=5.0, hold_s=30.0)
    bench.show(seen(0), seen(1, "division"))

    assert bench.show(in_run(seen(5), "next")) == [act.SetInterval(interval_ms=5000)]
    assert bench.show(in_run(seen(40), "next")) == [act.SetInterval(interval_ms=60_000)]


TURNED = PixelToStage(0.0, 0.5, 0.0, -0.5, 0.0, 0.0)
MIRRORED = PixelToStage(-0.5, 0.0, 0.0, 0.0, 0.5, 0.0)
BINNED = PixelToStage(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize("affine", [UPRIGHT, TURNED, MIRRORED, BINNED])
def test_a_cell_that_walks_is_kept_in_the_middle_however_the_camera_is_mounted(affine: PixelToStage) -> None:
    bench = Bench("follow", share=0.7, calm_um=0.5)
    rng = np.random.default_rng(0)
    cell_um, stage_um, away_px = np.zeros(2), np.zeros(2), []
    inverse = np.linalg.inv([[affine.xx, affine.xy], [affine.yx, affine.yy]])

    for step in range(200):
        cell_um = cell_um + rng.normal(0, 1.5, 2)
        x_px, y_px = inverse @ (cell_um - stage_um) + 63.5
        away_px.append(max(abs(x_px - 63.5), abs(y_px - 63.5)))
        result = seen(
            step / 10, at=(stage_um[0], stage_um[1]), affine=affine,
            label=[1], track_id=[7], parent_id=[0], y_px=[y_px], x_px=[x_px],
        )  # fmt: skip
        for action in bench.show(result):
            assert isinstance(action, act.MoveXY) and not action.is_relative
            stage_um = np.array([action.x_um, action.y_um])

    assert max(away_px) < 0.1 * 128


def test_it_follows_the_nearer_daughter() -> None:
    bench = Bench("follow", calm_um=0.0)
    bench.show(seen(0, label=[1], track_id=[7], parent_id=[0], y_px=[60.0], x_px=[60.0]))

    two = {"label": [1, 2], "track_id": [8, 9], "parent_id": [7, 7], "y_px": [90.0, 55.0], "x_px": [90.0, 60.0]}
    bench.show(seen(1, **two))

    assert "track 9" in bench.asked[-1].cause.reason


def test_it_begins_with_the_cell_nearest_to_the_middle_that_may_be_chosen() -> None:
    bench = Bench("follow", which="area_um2 > 100", calm_um=0.0)

    bench.show(
        seen(
            0, label=[1, 2, 3], track_id=[4, 5, 6], parent_id=[0, 0, 0], area_um2=[50, 150, 150],
            y_px=[64.0, 100.0, 80.0], x_px=[64.0, 64.0, 64.0],
        )
    )  # fmt: skip

    assert "track 6" in bench.asked[-1].cause.reason


def test_an_uncalibrated_microscope_follows_nothing() -> None:
    bench = Bench("follow")

    assert bench.show(seen(0, affine=None, label=[1], track_id=[7], y_px=[1.0], x_px=[1.0])) == []


def test_a_frame_from_before_the_last_move_moves_nothing() -> None:
    bench = Bench("follow", calm_um=0.0)
    there = {"label": [1], "track_id": [7], "parent_id": [0], "y_px": [90.0], "x_px": [90.0]}
    bench.show(seen(1.0, **there))

    assert bench.show(replace(seen(0.9, **there))) == []


def test_a_frame_exposed_during_the_last_move_moves_nothing() -> None:
    bench = Bench("follow", calm_um=0.0)
    there = {"label": [1], "track_id": [7], "parent_id": [0], "y_px": [90.0], "x_px": [90.0]}
    bench.show(seen(1.0, **there))
    late = seen(1.1, **there)

    assert bench.show(replace(late, frame=msgspec.structs.replace(late.frame, exposure_ms=200.0))) == []
    assert len(bench.show(replace(late, frame=msgspec.structs.replace(late.frame, exposure_ms=50.0)))) == 1


def test_a_new_run_has_tracks_of_its_own() -> None:
    # Numbers of tracks are those of one run: after a restart of the scope it followed nobody, for ever.
    bench = Bench("follow", calm_um=0.0)
    bench.show(seen(0, label=[1], track_id=[7], parent_id=[0], y_px=[60.0], x_px=[60.0]))

    bench.show(in_run(seen(1, label=[1], track_id=[2], parent_id=[0], y_px=[50.0], x_px=[60.0]), "next"))

    assert "track 2" in bench.asked[-1].cause.reason


def test_a_run_on_an_earlier_clock_is_followed_at_once() -> None:
    # After the microscope's computer was started again, every frame seemed to be from before the last move.
    bench = Bench("follow", calm_um=0.0)
    there = {"label": [1], "track_id": [7], "parent_id": [0], "y_px": [60.0], "x_px": [60.0]}
    bench.show(seen(1000, **there))

    assert len(bench.show(in_run(seen(1, **there), "next"))) == 1


def test_a_cell_is_followed_again_with_the_result_after_a_refusal() -> None:
    bench = Bench("follow", lambda request: "refused", calm_um=0.0)
    there = {"label": [1], "track_id": [7], "parent_id": [0], "y_px": [60.0], "x_px": [60.0]}

    assert len(bench.show(*(seen(s, **there) for s in range(3)))) == 3


def test_an_image_that_was_asked_for_in_between_moves_no_stage() -> None:
    # The move was undone when the acquisition went back to where it was before that image.
    bench = Bench("follow", calm_um=0.0)
    there = {"label": [1], "track_id": [7], "parent_id": [0], "y_px": [60.0], "x_px": [60.0]}

    assert bench.show(with_frame(seen(0, **there), axes={"asked": 0})) == []
    assert len(bench.show(seen(1, **there))) == 1


def test_a_cell_that_lost_its_number_is_found_again_where_it_was() -> None:
    # Not seen for longer than the tracker remembers, it came back under a new number and was left alone.
    bench = Bench("follow", calm_um=0.0)
    two = {"label": [1, 2], "parent_id": [0, 0], "x_px": [60.0, 70.0], "y_px": [60.0, 60.0]}
    bench.show(seen(0, **two, track_id=[7, 8], age_frames=[30, 30]))

    neighbour = {"label": [1], "parent_id": [0], "x_px": [70.0], "y_px": [60.0]}
    only_the_neighbour = bench.show(seen(0.5, **neighbour, track_id=[8], age_frames=[35]))
    bench.show(seen(1, **two, track_id=[9, 8], age_frames=[1, 40]))

    assert only_the_neighbour == []
    assert bench.asked[-1].cause.frame_id == FrameId("camera", "run", 10)
    assert "track 9" in bench.asked[-1].cause.reason


def test_a_cell_out_of_sight_for_a_frame_is_waited_for() -> None:
    # Hidden by a neighbour for a frame, it was given up for a fragment of that, and came back with its own number.
    bench = Bench("follow", calm_um=0.0)
    one = {"label": [1], "parent_id": [0], "y_px": [60.0]}
    bench.show(seen(0, **one, x_px=[60.0], track_id=[7], age_frames=[30]))

    fragment = bench.show(seen(0.2, **one, x_px=[62.0], track_id=[9], age_frames=[0]))
    bench.show(seen(0.3, **one, x_px=[58.0], track_id=[7], age_frames=[33]))

    assert fragment == []
    assert "track 7" in bench.asked[-1].cause.reason


def merged(result: Seen, track_id: int, host: int) -> Seen:
    """The same, its tracker saying that a track is hidden by another."""
    return replace(result, events=(Event("merge", "hidden", {"track_id": track_id, "other_1": host}),))


def test_a_hidden_cell_is_kept_in_the_middle_with_who_hides_it() -> None:
    # Cells that crawl over each other are one object for minutes; both went on and it stayed where they had met.
    bench = Bench("follow", calm_um=0.0)
    one = {"label": [1], "parent_id": [0], "y_px": [60.0], "age_frames": [50]}
    bench.show(seen(0, **one, x_px=[60.0], track_id=[7]))

    bench.show(merged(seen(0.1, **one, x_px=[70.0], track_id=[8]), 7, 8))
    with_host = bench.show(seen(0.2, **one, x_px=[75.0], track_id=[8]))
    bench.show(seen(0.3, **one, x_px=[60.0], track_id=[7]))

    assert len(with_host) == 1
    assert [request.cause.reason.split()[1] for request in bench.asked] == ["7"] * 4


@pytest.mark.parametrize(("areas", "taken"), [([200.0, 100.0], "9"), ([100.0, 200.0], "8")])
def test_after_a_long_hiding_the_one_that_looks_like_it_is_followed(areas: list[float], taken: str) -> None:
    bench = Bench("follow", calm_um=0.0)
    one = {"label": [1], "parent_id": [0], "y_px": [60.0], "x_px": [60.0], "age_frames": [50]}
    bench.show(seen(0, **one, track_id=[7], area_px=[100.0]))
    bench.show(merged(seen(0.1, **one, track_id=[8], area_px=[300.0]), 7, 8))

    both = {"label": [1, 2], "parent_id": [0, 0], "y_px": [60.0, 60.0], "x_px": [55.0, 65.0], "age_frames": [60, 0]}
    bench.show(seen(1.0, **both, track_id=[8, 9], area_px=areas))

    assert f"track {taken} " in bench.asked[-1].cause.reason


def test_a_newcomer_far_away_is_not_the_lost_cell() -> None:
    bench = Bench("follow", calm_um=0.0, lost_um=10.0)
    bench.show(seen(0, label=[1], track_id=[7], parent_id=[0], age_frames=[30], y_px=[60.0], x_px=[60.0]))

    assert bench.show(seen(1, label=[1], track_id=[9], parent_id=[0], age_frames=[0], y_px=[90.0], x_px=[60.0])) == []


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "folow"}, "did you mean 'follow'"),
        ({"kind": "follow", "shair": 0.5}, "its settings are: track_id, which, share"),
        ({"kind": "follow", "shair": 0.5}, "unknown key `shair`; did you mean `share`?"),
        # The rule's own keys were listed, for a key of one of its actions.
        (
            {"kind": "rule", "when": "t > 1", "then": [{"kind": "skip"}, {"kind": "set-interval", "interval_s": 20.0}]},
            "unknown key `then[1].interval_s`; did you mean `then[1].interval_ms`?",
        ),
        ({"kind": "hunt", "when": "t > 1", "catch": [{"exposure": 20.0}]}, "did you mean `catch[0].exposure_ms`?"),
        ({"kind": "follow", "which": "area_um2 >"}, "character"),
        ({"kind": "event-rate", "when": "event('division')", "slow_s": 1.0, "fast_s": 2.0}, "is not faster"),
        ({"kind": "event-rate", "slow_s": 2.0, "fast_s": 1.0}, "`when` or `which`"),
        ({"kind": "event-rate", **BRIGHT, "when": "event('division')"}, "`when` or `which`"),
        ({"kind": "event-rate", "when": "t > 5", "slow_s": 2.0, "fast_s": 1.0, "longest_s": 9.0}, "goes with `which`"),
        ({"kind": "rule", "when": "count(objects) > 1", "then": []}, "would do nothing"),
        ({"kind": "rule", "when": "count(objects) > 1", "then": [{"kind": "explode"}]}, "explode"),
    ],
)
def test_a_wrong_table_is_refused_before_the_first_frame(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=r"controller\[0\]") as caught:
        check_controllers([table])

    assert words in str(caught.value)


def test_a_fault_in_an_action_does_not_list_the_keys_of_its_rule() -> None:
    with pytest.raises(ConfigError) as caught:
        check_controllers([{"kind": "rule", "when": "t > 1", "then": [{"kind": "set-interval"}]}])

    assert "missing required field `interval_ms`" in str(caught.value)
    assert "its settings are" not in str(caught.value)


def test_the_acquisition_ends_once_when_it_is_enough() -> None:
    bench = Bench("stop-when", when="count(objects) >= 2", frames=2)

    asked = bench.show(seen(0, **cells(2)), seen(1, **cells(1)), *(seen(2 + s, **cells(2)) for s in range(4)))

    assert asked == [act.Abort()]


def test_a_run_that_was_started_after_the_end_is_ended_too() -> None:
    bench = Bench("stop-when", when="count(objects) >= 2", frames=2)
    bench.show(seen(0, **cells(2)), seen(1, **cells(2)))

    asked = [bench.show(in_run(seen(s, **cells(2)), "next")) for s in (2, 3, 4)]

    assert asked == [[], [act.Abort()], []]


def test_the_end_is_asked_for_until_it_is_granted_and_once_in_a_dry_run() -> None:
    verdicts = iter(["failed", "refused", "dry-run"])
    bench = Bench("stop-when", lambda request: next(verdicts), when="count(objects) >= 2", frames=1)

    assert bench.show(*(seen(s, **cells(2)) for s in range(5))) == [act.Abort()] * 3


@pytest.mark.parametrize("sharp_um", [-6.0, 0.3, 4.2])
def test_the_focus_is_found_and_found_again_after_a_drift(sharp_um: float) -> None:
    bench = Bench("autofocus", range_um=10.0, step_um=2.0, least_step_um=0.4)
    height_um = {"z": 0.0}
    steps = 0

    def go(sharp_um: float, frames: int) -> None:
        nonlocal steps
        for _ in range(frames):
            steps += 1
            frame = seen(steps / 10).frame
            stage = StagePosition(0.0, 0.0, height_um["z"], "read-back")
            score = float(np.exp(-((height_um["z"] - sharp_um) ** 2) / 18))
            shown = Seen(msgspec.structs.replace(frame, stage=stage), scores={"focus": score})
            for action in bench.show(shown):
                assert isinstance(action, act.MoveZ)
                height_um["z"] = action.z_um

    go(sharp_um, 25)
    found_um = height_um["z"]
    moves = len(bench.asked)
    go(sharp_um, 10)
    rested = len(bench.asked) - moves
    go(sharp_um + 3.5, 40)

    assert found_um == pytest.approx(sharp_um, abs=0.6)
    assert rested == 0
    assert height_um["z"] == pytest.approx(sharp_um + 3.5, abs=1.0)


class Focused:
    """An autofocus, and how sharp the specimen is at the height to which it moved the focus."""

    def __init__(self, *, sharp_um: float, z_um: float = 0.0, **settings: Any) -> None:
        self.sharp_um, self.z_um = sharp_um, z_um
        self.refusal: tuple[str, str] | None = None
        """Verdict and rule of the answers from now on; None: what is asked for is done."""
        self.lowest_um, self.highest_um = -100.0, 100.0
        self.beyond = ("refused", "z_um")
        """How far the focus goes, and what is answered beyond that."""
        self.bench = Bench("autofocus", self.answer, range_um=10.0, step_um=2.0, least_step_um=0.4, **settings)
        self.frames = 0

    def answer(self, request: act.Request) -> tuple[str, str] | str:
        assert isinstance(request.action, act.MoveZ)
        if self.refusal is not None:
            return self.refusal
        if not self.lowest_um <= request.action.z_um <= self.highest_um:
            return self.beyond
        self.z_um = request.action.z_um
        return "done"

    def show(self, frames: int, *, run: str = "run", axes: dict[str, int | str] | None = None) -> list[float]:
        asked_um = []
        for _ in range(frames):
            self.frames += 1
            stage = StagePosition(0.0, 0.0, self.z_um, "read-back")
            frame = msgspec.structs.replace(seen(self.frames / 10).frame, stage=stage, axes=axes or {})
            score = float(np.exp(-((self.z_um - self.sharp_um) ** 2) / 18))
            for action in self.bench.show(in_run(Seen(frame, scores={"focus": score}), run)):
                assert isinstance(action, act.MoveZ)
                asked_um.append(action.z_um)
        return asked_um


def test_the_focus_is_never_moved_out_of_its_range() -> None:
    focus = Focused(sharp_um=15.0)

    asked_um = focus.show(30)

    assert max(asked_um) == 10.0
    assert focus.z_um == pytest.approx(10.0, abs=0.6)


@pytest.mark.parametrize("refusal", [("refused", "armed"), ("refused", "max_age_ms"), ("dry-run", "")])
def test_a_search_that_was_refused_is_made_once_it_is_allowed(refusal: tuple[str, str]) -> None:
    # It spent its search while it was disarmed, as it is at the start, and rested for good.
    focus = Focused(sharp_um=4.0)
    focus.refusal = refusal
    assert focus.show(20) == [2.0] * 20

    focus.refusal = None
    focus.show(20)

    assert focus.z_um == pytest.approx(4.0, abs=0.6)


def test_a_search_goes_on_where_it_was_refused() -> None:
    focus = Focused(sharp_um=4.0)
    focus.show(2)
    focus.refusal = ("refused", "armed")
    focus.show(20)

    focus.refusal = None
    focus.show(20)

    assert focus.z_um == pytest.approx(4.0, abs=0.6)
    assert focus.show(10) == []


def test_a_search_begins_where_somebody_turned_the_focus_before_it_was_armed() -> None:
    focus = Focused(sharp_um=32.0)
    focus.refusal = ("refused", "armed")
    focus.show(5)

    focus.refusal, focus.z_um = None, 30.0
    asked_um = focus.show(20)

    assert asked_um[0] == 32.0
    assert focus.z_um == pytest.approx(32.0, abs=0.6)


@pytest.mark.parametrize("beyond", [("refused", "z_um"), ("refused", "z_boxes"), ("failed", "")])
def test_where_the_focus_cannot_go_it_is_searched_on_the_other_side(beyond: tuple[str, str]) -> None:
    focus = Focused(sharp_um=-4.0)
    focus.highest_um, focus.beyond = 0.5, beyond

    asked_um = focus.show(30)

    assert focus.z_um == pytest.approx(-4.0, abs=0.6)
    assert len(asked_um) <= 12


def test_a_drive_that_fails_for_a_while_costs_the_search_nothing() -> None:
    focus = Focused(sharp_um=-4.0)
    focus.refusal = ("failed", "")
    focus.show(11)

    focus.refusal = None
    focus.show(20)

    assert focus.z_um == pytest.approx(-4.0, abs=0.6)


def test_where_limits_leave_nothing_the_focus_rests() -> None:
    focus = Focused(sharp_um=4.0)
    focus.refusal = ("refused", "z_um")
    focus.show(10)

    assert focus.show(10) == []


def test_images_that_were_asked_for_in_between_say_nothing_about_the_focus() -> None:
    # The planes of a hunt's z-stack were taken for steps, and moved the focus during the stack.
    focus = Focused(sharp_um=4.0)

    assert focus.show(5, axes={"asked": 3}) == []
    assert focus.show(1) == [2.0]


def test_a_new_run_begins_with_a_search_of_its_own() -> None:
    focus = Focused(sharp_um=4.0)
    focus.show(20)
    focus.sharp_um, focus.z_um = 24.0, 20.0

    focus.show(20, run="next")

    assert focus.z_um == pytest.approx(24.0, abs=0.6)


def test_a_score_that_is_no_number_is_no_sharpness() -> None:
    # The first score of a search was no number: none was ever higher, and the focus rested where it was.
    bench, stage = Bench("autofocus"), StagePosition(0.0, 0.0, 0.0, "read-back")

    asked = [
        bench.show(replace(with_frame(seen(s), stage=stage), scores={"focus": score}))
        for s, score in enumerate((float("nan"), 1.0))
    ]

    assert asked == [[], [act.MoveZ(z_um=2.0)]]


def test_a_plan_without_the_score_is_said() -> None:
    from stentor.core.errors import StageError

    with pytest.raises(StageError, match=r"no score 'focus'; add the stage `quality`"):
        Bench("autofocus").show(seen(0))


def test_it_scans_and_comes_back_to_what_is_interesting_once() -> None:
    bench = Bench(
        "hunt",
        when="count(objects) >= 2",
        positions_um=[(0.0, 0.0), (500.0, 0.0)],
        catch=[{"channel": "GFP", "exposure_ms": 200.0, "z_offsets_um": [-1.0, 1.0]}],
        again_s=1000.0,
    )

    begun = bench.show(seen(0))
    dull = bench.show(seen(1, **cells(1)))
    found = bench.show(seen(2, at=(500.0, 0.0), **cells(3)))
    again = bench.show(seen(3, at=(500.0, 0.0), **cells(3)))

    assert begun == [act.SetPositions(positions_um=((0.0, 0.0), (500.0, 0.0)))]
    assert (dull, again) == ([], [])
    (catch,) = found
    assert isinstance(catch, act.Acquire)
    assert [(event["x_pos"], event["z_pos"], event["exposure"]) for event in catch.events] == [
        (500.0, -1.0, 200.0), (500.0, 1.0, 200.0),
    ]  # fmt: skip
    assert catch.events[0]["channel"] == {"config": "GFP", "group": "Channel"}


HUNT: dict[str, Any] = {"when": "count(objects) >= 2", "again_s": 1000.0}


def test_a_hunt_begins_its_scan_again_in_a_new_run_and_may_catch_there_again() -> None:
    # A scope that was started again images where it stands; the hunt took it to scan.
    bench = Bench("hunt", **HUNT, positions_um=[(0.0, 0.0), (500.0, 0.0)], catch=[{"exposure_ms": 200.0}])
    bench.show(seen(0), seen(1, **cells(3)))

    begun, caught, again = (bench.show(in_run(seen(s, **cells(3)), "next")) for s in (2, 3, 4))

    assert begun == [act.SetPositions(positions_um=((0.0, 0.0), (500.0, 0.0)))]
    assert [type(action) for action in caught] == [act.Acquire]
    assert again == []


def test_a_hunt_counts_its_catches_over_all_runs() -> None:
    bench = Bench("hunt", **HUNT, most=1, catch=[{"exposure_ms": 200.0}])
    bench.show(seen(0, **cells(3)))

    assert bench.show(in_run(seen(1, **cells(3)), "next")) == []


def test_a_hunt_that_was_refused_asks_again() -> None:
    verdicts = iter(["refused", "done", "refused", "done"])
    bench = Bench("hunt", lambda request: next(verdicts), **HUNT, positions_um=[(0.0, 0.0)], catch=[{}])

    asked = bench.show(*(seen(s, **cells(3)) for s in range(6)))

    assert [type(action) for action in asked] == [act.SetPositions] * 2 + [act.Acquire] * 2


def test_a_hunt_in_a_dry_run_shows_what_it_would_catch() -> None:
    bench = Bench("hunt", lambda request: "dry-run", **HUNT, positions_um=[(0.0, 0.0)], catch=[{}])

    asked = bench.show(*(seen(s, **cells(3)) for s in range(6)))

    assert [type(action) for action in asked] == [act.SetPositions, act.Acquire]


def test_nothing_is_caught_of_what_was_caught() -> None:
    bench = Bench("hunt", **{**HUNT, "again_s": 0.0}, catch=[{"exposure_ms": 200.0}])

    assert bench.show(with_frame(seen(1, **cells(3)), axes={"asked": 0, "p": 0}, p=0)) == []
    assert len(bench.show(seen(2, **cells(3)))) == 1


def test_a_catch_that_names_no_light_is_taken_in_that_of_the_image_in_which_it_was_found() -> None:
    # The second catch of a row was taken in the channel of the first, and as long as the camera last exposed.
    catch = [{"channel": "GFP", "exposure_ms": 200.0}, {}, {"group": "Filter"}]
    bench = Bench("hunt", **HUNT, catch=catch)

    (caught,) = bench.show(with_frame(seen(0, **cells(3)), channel="Phase", exposure_ms=5.0))

    assert isinstance(caught, act.Acquire)
    assert [(event["channel"], event["exposure"]) for event in caught.events] == [
        ({"config": "GFP", "group": "Channel"}, 200.0),
        ({"config": "Phase", "group": "Channel"}, 5.0),
        ({"config": "Phase", "group": "Filter"}, 5.0),
    ]


def test_a_catch_leaves_out_what_its_image_does_not_say() -> None:
    (caught,) = Bench("hunt", **HUNT, catch=[{}]).show(seen(0, **cells(3)))

    assert isinstance(caught, act.Acquire)
    assert not caught.events[0].keys() & {"channel", "exposure"}


def asked_for(result: Seen) -> Seen:
    """An image that somebody asked for in between: it belongs to no time point."""
    return with_frame(result, axes={"asked": 0}, t=None)


OF_TIME_POINTS = "t >= 0 and count(objects) >= 2"


@pytest.mark.parametrize(
    ("kind", "settings", "action"),
    [
        ("rule", {**RULE, "when": OF_TIME_POINTS, "frames": 3}, act.Pause()),
        ("stop-when", {"when": OF_TIME_POINTS, "frames": 3}, act.Abort()),
        ("event-rate", {"when": OF_TIME_POINTS, "slow_s": 60.0, "fast_s": 5.0, "hold_s": 0.0}, None),
        ("event-rate", {"which": "label > 1 and t >= 0", "slow_s": 60.0, "fast_s": 5.0, "hold_s": 0.0}, None),
    ],
)
def test_a_condition_on_the_time_point_leaves_out_images_that_have_none(
    kind: str, settings: dict[str, Any], action: act.Action | None
) -> None:
    # Every image that a hunt asked for in between was a fault in the log, and ended a row of results.
    bench = Bench(kind, **settings)
    own = [with_frame(seen(s, **cells(2)), t=s) for s in range(3)]

    asked = bench.show(own[0], asked_for(seen(0.5)), own[1], asked_for(seen(1.5)), own[2])

    assert asked == [action or act.SetInterval(interval_ms=5000)]


def test_an_image_that_was_asked_for_is_judged_where_the_condition_can_be_asked() -> None:
    bench = Bench("rule", **RULE)

    assert bench.show(asked_for(seen(0, **cells(2)))) == [act.Pause()]


# --- stimulate --------------------------------------------------------------------------------------------------------

THREE_CELLS = {"label": [1, 2, 3], "y_px": [20.0, 60.0, 100.0], "x_px": [20.0, 60.0, 100.0], "track_id": [11, 12, 13],
               "area_um2": [50.0, 200.0, 300.0]}  # fmt: skip
STIMULATE = {"which": "area_um2 > 100", "duration_s": 0.05, "preset": "Stimulation"}


def three_cells(s: float) -> Seen:
    labels_yx = np.zeros((128, 128), np.int32)
    for label, middle in ((1, 20), (2, 60), (3, 100)):
        labels_yx[middle - 8 : middle + 9, middle - 8 : middle + 9] = label
    result = seen(s, **THREE_CELLS)
    frame = msgspec.structs.replace(result.frame, t=round(s), p=0, pixel_size_um=1.0)
    return replace(result, frame=frame, labels=labels_yx)


def mask_of(action: act.Action) -> Any:
    assert isinstance(action, act.ProjectMask)
    return unpack_mask(action.mask, action.shape_yx)


def test_the_chosen_cells_are_lit_and_the_acquisition_goes_on() -> None:
    bench = Bench("stimulate", **STIMULATE)

    light, go_on = bench.show(three_cells(1))

    assert np.array_equal(mask_of(light), three_cells(1).labels >= 2)
    assert (light.duration_ms, light.preset, light.at_um) == (50.0, "Stimulation", (0.0, 0.0))
    assert go_on == act.GoOn(t=1, p=0)


def test_a_mask_can_be_widened_and_narrowed() -> None:
    wide, narrow = (Bench("stimulate", grow_um=grow, **STIMULATE).show(three_cells(1))[0] for grow in (3.0, -3.0))

    plain = int((three_cells(1).labels >= 2).sum())
    assert mask_of(narrow).sum() < plain < mask_of(wide).sum()


def test_no_cell_is_lit_again_too_soon_and_those_in_the_middle_come_first() -> None:
    bench = Bench("stimulate", again_s=10.0, most=1, **STIMULATE)

    lit = [bench.show(three_cells(s)) for s in (1, 2, 3, 12)]

    labels = [
        set(np.unique(three_cells(0).labels[mask_of(actions[0])])) if len(actions) == 2 else set() for actions in lit
    ]
    assert labels == [{2}, {3}, set(), {2}]


def lights(actions: list[act.Action]) -> list[act.ProjectMask]:
    return [action for action in actions if isinstance(action, act.ProjectMask)]


def test_a_cell_that_was_not_lit_is_chosen_again_and_one_of_a_dry_run_is_not() -> None:
    verdicts = iter(["refused", "failed", "dry-run"])

    def answer(request: act.Request) -> str:
        return next(verdicts) if isinstance(request.action, act.ProjectMask) else "done"

    bench = Bench("stimulate", answer, again_s=10.0, **STIMULATE)

    assert [len(lights(bench.show(three_cells(s)))) for s in (1, 2, 3, 4)] == [1, 1, 1, 0]


def test_a_mask_that_is_refused_again_and_again_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    # Disarmed, as at the start, each image was a line in the log.
    bench = Bench("stimulate", lambda request: ("refused", "armed"), **STIMULATE)

    bench.show(*(three_cells(s) for s in range(4)))

    assert [record.getMessage() for record in caplog.records] == ["the mask was refused by armed: "]


def test_a_cell_of_a_new_run_is_lit_whatever_number_it_has() -> None:
    bench = Bench("stimulate", again_s=10.0, **STIMULATE)
    bench.show(three_cells(1))

    assert len(lights(bench.show(in_run(three_cells(2), "next")))) == 1


def test_no_cell_is_lit_for_an_image_that_was_asked_for_in_between() -> None:
    bench = Bench("stimulate", **STIMULATE)

    assert bench.show(with_frame(three_cells(1), axes={"asked": 0}, t=None)) == []
    assert len(lights(bench.show(three_cells(2)))) == 1


def test_whatever_comes_of_it_the_acquisition_goes_on() -> None:
    nothing_chosen = Bench("stimulate", **{**STIMULATE, "which": "area_um2 > 1000"})
    refused = Bench("stimulate", lambda request: "refused", **STIMULATE)
    no_labels = Bench("stimulate", **STIMULATE)

    assert nothing_chosen.show(three_cells(1)) == [act.GoOn(t=1, p=0)]
    assert refused.show(three_cells(1))[-1] == act.GoOn(t=1, p=0)
    with pytest.raises(StageError, match="segment"):
        no_labels.show(replace(three_cells(1), labels=None))
    assert no_labels.asked[-1].action == act.GoOn(t=1, p=0)


def test_what_needs_tracks_names_the_stage_that_gives_them() -> None:
    untracked = {name: values for name, values in THREE_CELLS.items() if name != "track_id"}

    with pytest.raises(StageError, match="add a stage `track`"):
        Bench("stimulate", again_s=10.0, **STIMULATE).show(seen(1, **untracked))


@pytest.mark.parametrize("name", ["operator", "guard", "daemon", "Operator"])
def test_a_controller_cannot_arm_under_an_operators_name(name: str) -> None:
    arm = {"kind": "rule", "when": "t >= 0", "then": [{"kind": "arm"}]}

    with pytest.raises(ConfigError, match="give it another"):
        check_controllers([{**arm, "name": name}])


def test_two_controllers_of_one_name_are_refused_when_the_rig_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = Settings(controller=({**RULE, "kind": "rule"}, {**RULE, "kind": "rule"}))

    with pytest.raises(ConfigError, match="a second one named 'rule'"):
        run_rig(settings)


def test_a_name_that_would_be_no_file_is_refused_before_the_first_frame() -> None:
    with pytest.raises(ConfigError, match="make a name"):
        check_controllers([{**RULE, "kind": "rule", "name": "../rule"}])


@pytest.mark.parametrize(
    ("action", "hint"),
    [
        ({"kind": "set-intervall", "interval_ms": 5.0}, "did you mean 'set-interval'?"),
        ({"kind": "acquire", "place": "nwo"}, "did you mean 'now'?"),
    ],
)
def test_a_wrong_kind_of_action_is_said_with_the_nearest(action: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_controllers([{"kind": "rule", "when": "t > 1", "then": [action]}])

    assert hint in str(caught.value)
    assert "$.then[0]" in str(caught.value)
