"""Score: what was caught of what truly happened."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec import structs

from stentor.cli.rehearsing import in_words
from stentor.core import action as act
from stentor.core.errors import ConfigError, RecordError
from stentor.rehearsal.performance import Performance, Shot, TrueDivision
from stentor.rehearsal.picture import GREEN, RED, draw, write_picture
from stentor.rehearsal.score import fastest_interval_s, on_target, score_of

DIVISION = TrueDivision(100.5, parent=1, daughters=(2, 3))


def shot(time_s: float, *, at: tuple[float, float] = (49.5, 49.5), asked: bool = False) -> Shot:
    """An image of 100 x 100 with nucleus 1 at `at`, and after 100.5 s its daughters beside there."""
    is_before = time_s < DIVISION.time_s
    ids = [1] if is_before else [2, 3]
    places = [at] if is_before else [at, (at[0] + 30, at[1])]
    return Shot(time_s, time_s, asked, 50.0, np.array(ids), np.array(places, float), (100, 100))


def decision(interval_ms: float, *, seen_s: float, issued_s: float, verdict: act.Verdict = "done") -> tuple:
    cause = act.Cause(controller="event-rate", seen_ns=int(seen_s * 1e9), clock_id="c")
    request = act.Request(
        id=f"{issued_s}", action=act.SetInterval(interval_ms=interval_ms), cause=cause, issued_ns=int(issued_s * 1e9),
        clock_id="c",
    )  # fmt: skip
    return request, act.Receipt(id=request.id, verdict=verdict, received_ns=request.issued_ns, clock_id="c")


def performance(times_s: list[float], *, decisions: tuple = (), shots: list[Shot] | None = None) -> Performance:
    taken = [shot(time_s) for time_s in times_s] if shots is None else shots
    return Performance(tuple(taken), (DIVISION,), decisions, 0, 1.5, 0, 1.0)


def away(time_s: float) -> Shot:
    """An image with none of them."""
    return Shot(time_s, time_s, False, 50.0, np.empty(0, np.int64), np.empty((0, 2)), (100, 100))


def test_a_division_that_is_imaged_as_closely_as_wanted_is_caught() -> None:
    times_s = [*range(0, 100, 50), *range(100, 200, 10), *range(200, 600, 50)]

    score = score_of(performance([float(s) for s in times_s]), wanted_s=10, window_s=90)

    assert (score.divisions, score.caught) == (1, 1)


def test_a_division_that_is_imaged_slowly_is_missed() -> None:
    score = score_of(performance([float(s) for s in range(0, 600, 50)]), wanted_s=10, window_s=90)

    assert (score.divisions, score.caught) == (1, 0)


def test_a_division_that_is_seen_too_late_is_missed() -> None:
    times_s = [0.0, 50.0, 100.0, *(float(s) for s in range(140, 200, 10))]

    assert score_of(performance(times_s), wanted_s=10, window_s=90).caught == 0


def test_a_division_out_of_the_image_is_nobody_s_miss() -> None:
    shots = [shot(float(s)) for s in range(0, 600, 50)]
    shots[2] = away(100.0)

    assert score_of(performance([], shots=shots), wanted_s=10, window_s=90).divisions == 0


def test_a_mother_at_the_border_leaves_the_image_by_herself() -> None:
    # Two of ten were missed for having left a motionless image between two slow images.
    shots = [shot(float(s), at=(3.0, 49.5)) for s in range(0, 600, 50)]

    assert score_of(performance([], shots=shots), wanted_s=10, window_s=90).divisions == 0


def test_a_division_so_late_that_nobody_could_catch_it_does_not_count() -> None:
    score = score_of(performance([float(s) for s in range(0, 150, 10)]), wanted_s=10, window_s=90)

    assert (score.divisions, score.caught) == (0, 0)


def test_a_burst_at_the_end_of_the_window_is_no_catch() -> None:
    times_s = [0.0, 50.0, 100.0, *(150.0 + 0.1 * n for n in range(50)), 300.0]

    assert score_of(performance(times_s), wanted_s=10, window_s=90).caught == 0


def test_images_of_another_place_catch_nothing() -> None:
    shots = [shot(float(s)) if s <= 100 else away(float(s)) for s in range(0, 300, 10)]

    assert score_of(performance([], shots=shots), wanted_s=10, window_s=90).caught == 0


def test_the_onset_lies_between_two_images() -> None:
    assert score_of(performance([0.0, 80.0, 120.0, 300.0]), wanted_s=10, window_s=90).onset_s == 40.0


def test_light_and_delays_are_added_up() -> None:
    decisions = (
        decision(1000, seen_s=1.0, issued_s=1.04),
        decision(1000, seen_s=2.0, issued_s=2.08, verdict="refused"),
    )

    score = score_of(performance([0.0, 1.0, 2.0], decisions=decisions), wanted_s=1, window_s=10)

    assert score.lit_s == pytest.approx(0.15)
    assert score.light_s == 1.5
    assert score.decide_p50_ms == pytest.approx(60)
    assert (score.done, score.refused, score.failed_actions) == (1, 1, 0)


def test_what_was_refused_is_counted_by_rule_with_an_example() -> None:
    # Everything was refused, and only how often was said.
    decisions = [decision(1000 * n, seen_s=1.0, issued_s=1.04, verdict="refused") for n in range(1, 4)]
    for number, rule in enumerate(["interval_ms", "actions_per_s", "interval_ms"]):
        request, receipt = decisions[number]
        decisions[number] = request, structs.replace(receipt, rule=rule, text="outside 5 to 10")
    request, receipt = decision(9000, seen_s=1.0, issued_s=1.04, verdict="failed")
    one = performance([0.0, 1.0], decisions=(*decisions, (request, structs.replace(receipt, text="stuck"))))

    score = score_of(one, wanted_s=1, window_s=10)

    assert in_words({"rehearsal": score}, one).splitlines()[-3:] == [
        "2 x interval_ms: set-interval interval_ms=1000 of event-rate: outside 5 to 10",
        "1 x actions_per_s: set-interval interval_ms=2000 of event-rate: outside 5 to 10",
        "1 x device: set-interval interval_ms=9000 of event-rate: stuck",
    ]
    assert sum(refusal.count for refusal in score.refusals.values()) == score.refused + score.failed_actions


def test_a_barrier_at_which_nobody_decided_is_no_request() -> None:
    request, receipt = decision(1000, seen_s=1.0, issued_s=1.04)
    overdue = structs.replace(request, action=act.GoOn(t=1, p=0), cause=act.Cause(controller="guard"))

    score = score_of(performance([0.0, 1.0], decisions=((overdue, receipt),)), wanted_s=1, window_s=10)

    assert (score.done, score.refused, score.failed_actions) == (0, 0, 0)


def test_the_table_leaves_out_what_does_not_apply() -> None:
    quiet, decided = performance([0.0, 1.0]), (decision(1000, seen_s=1.0, issued_s=1.04),)
    moved = tuple((structs.replace(one, action=act.MoveXY(x_um=1.0, y_um=0.0)), said) for one, said in decided)
    rows = {
        name: [line.split("  ")[0] for line in in_words({"rehearsal": score}, one).splitlines()]
        for name, one in {"quiet": quiet, "following": performance([0.0, 1.0], decisions=moved)}.items()
        for score in [score_of(one, wanted_s=1, window_s=10)]
    }

    assert set(rows["following"]) - set(rows["quiet"]) == {"images on target", "exposure end to request, p50 / p99"}
    assert "nuclei stimulated" not in rows["following"]
    assert {"images", "requests done / refused / failed", "hours"} <= set(rows["quiet"])


def test_on_target_follows_one_daughter_after_a_division() -> None:
    shots = [shot(0.0), shot(50.0, at=(80.0, 49.5)), shot(150.0), shot(200.0, at=(75.0, 49.5)), shot(210.0, asked=True)]

    assert on_target(performance([], shots=shots)) == 0.5


def test_either_daughter_may_be_followed_but_only_one_of_them() -> None:
    farther = [shot(0.0), shot(150.0, at=(25.0, 49.5)), shot(200.0, at=(25.0, 49.5)), shot(250.0, at=(25.0, 49.5))]
    by_turns = [shot(0.0), shot(150.0, at=(25.0, 49.5)), shot(200.0), shot(250.0, at=(25.0, 49.5))]

    assert on_target(performance([], shots=farther)) == 1.0
    assert on_target(performance([], shots=by_turns)) == 0.75


def test_the_dead_are_nobody_s_miss() -> None:
    shots = [shot(0.0), shot(50.0), away(90.0), away(95.0)]

    alive = Performance(tuple(shots), (), (), 0, 0.0, 0, 1.0)
    dead = Performance(tuple(shots), (), (), 0, 0.0, 0, 1.0, deaths={1: 80.0})

    assert (on_target(alive), on_target(dead)) == (0.5, 1.0)


def test_many_generations_take_no_time() -> None:
    # Every line of descent was tried: 2 ** 40 of them after some days at time_scale 60.
    divisions = tuple(TrueDivision(float(n), n, (2 * n, 2 * n + 1)) for n in range(1, 4000))
    line = [2**n for n in range(12)]
    shots = [Shot(float(n), 0.0, False, 50.0, np.array([n]), np.array([[49.5, 49.5]]), (100, 100)) for n in line]

    assert on_target(Performance(tuple(shots), divisions, (), 0, 0.0, 0, 1.0)) == 1.0


def test_nothing_seen_gives_no_score_on_target() -> None:
    assert on_target(Performance((), (), (), 0, 0.0, 0, 1.0)) is None


def test_the_fastest_interval_is_that_of_the_base_or_one_that_was_granted() -> None:
    granted = performance([0.0], decisions=(decision(5000, seen_s=0, issued_s=1),))
    refused = performance([0.0], decisions=(decision(5000, seen_s=0, issued_s=1, verdict="refused"),))

    assert fastest_interval_s(granted, 0.1) == 5.0
    assert fastest_interval_s(refused, 0.1) == 10.0
    with pytest.raises(ConfigError, match="--every"):
        fastest_interval_s(refused, None)


def test_the_picture_shows_what_was_caught_and_what_was_missed(tmp_path: Path) -> None:
    slow = performance([float(s) for s in range(0, 600, 50)])
    fast = performance([float(s) for s in range(0, 600, 10)])

    for one, colour in ((slow, RED), (fast, GREEN)):
        picture = draw(one, score_of(one, wanted_s=10, window_s=90), slow)
        write_picture(tmp_path / "picture.png", picture)
        read = cv2.imread(str(tmp_path / "picture.png"))
        row = read[100, 175:]  # of the divisions
        assert np.abs(row.astype(int) - np.array(colour)).sum(axis=1).min() < 120


def test_a_picture_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nowhere"):
        write_picture(tmp_path / "nowhere" / "picture.png", np.zeros((4, 4, 3), np.uint8))
