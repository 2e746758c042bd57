"""Expression: what people may write, what it says of a result, and where a fault is."""

import time
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from stentor.control.expression import Expression
from stentor.control.offer import Offer
from stentor.core.errors import ConfigError, StageError
from stentor.core.finding import Event, Objects
from stentor.core.frame import FrameHeader, FrameId


class Seen:
    """A result with five cells, two of them mitotic."""

    frame = FrameHeader(
        frame_id=FrameId("camera", "r", 3), shape_yx=(64, 64), dtype="uint16", received_ns=5_000_000_000,
        clock_id="c", t=3, channel="DAPI",
    )  # fmt: skip
    objects = Objects(
        {
            "label": np.arange(1, 6, dtype=np.int32),
            "area_um2": np.array([50, 100, 150, 200, 250], np.float32),
            "class": np.array([0, 1, 1, 0, -1], np.int32),
            "p_interphase": np.zeros(5, np.float32),
            "p_mitotic": np.zeros(5, np.float32),
        }
    )
    events = (Event("division", "track 3 divided"), Event("division", "track 4 divided"), Event("birth", "track 9"))
    models: ClassVar[dict[str, Any]] = {}
    is_late = False
    labels = None

    def score(self, name: str) -> float | None:
        return {"focus": 4.0}.get(name)

    def image(self, name: str) -> None:
        return None


def seen_at(time_s: float, run: str) -> Seen:
    """The same result at another time."""
    seen = Seen()
    seen.frame = msgspec.structs.replace(seen.frame, frame_id=FrameId("camera", run, 3), received_ns=int(time_s * 1e9))
    return seen


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count(objects)", 5),
        ("count(objects, class == 'mitotic')", 2),
        ("count(objects, class == 'unsure')", 1),
        ("count(objects, class == 'mitotic' and area_um2 > 100)", 1),
        ("count(objects, class == 'mitotic' or area_um2 > 200)", 3),
        ("count(objects, not area_um2 > 100)", 2),
        ("count(objects, class == 'mitotic') >= 1", True),
        ("mean(objects, area_um2)", 150.0),
        ("max(objects, area_um2 / 10) > 24", True),
        ("event('division')", 2),
        ("event('merge') > 0", False),
        ("score('focus') > 3 and t == 3", True),
        ("channel == 'DAPI'", True),
        ("time_s", 0.0),
    ],
)
def test_what_is_written_is_what_is_said(text: str, value: object) -> None:
    assert Expression(text, where="rule").value(Seen()) == value


def test_time_counts_from_the_first_frame_of_a_run() -> None:
    expression = Expression("time_s", where="rule")

    assert [expression.value(seen_at(s, run)) for s, run in ((50.0, "a"), (52.5, "a"), (60.0, "b"), (61.0, "b"))] == [
        0.0, 2.5, 0.0, 1.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("count(objects, class = 'mitotic')", 16, "write =="),
        ("count(objects) = 3", 16, "write =="),
        ("1 < t < 5", 1, "one comparison at a time"),
        ("count(objects", 13, "no expression"),
        ("cuont(objects) > 1", 1, "no such function; did you mean count()?"),
        ("area_um2 > 5", 1, "no property of the frame"),
        ("t > 3 and class == 'a'", 11, "'class' is no property of the frame"),
        ("count(area_um2 > 5)", 1, "begins with the table"),
        ("mean(objects)", 1, "takes the table and one expression"),
        ("event(division)", 1, "a name in quotes"),
        ("__import__('os')", 1, "no such function"),
        ("t.__class__", 1, "no dots: a column stands by itself"),
        ("[x for x in objects]", 1, "only names, numbers"),
        ("(lambda: 1)()", 1, "no such function"),
        ("objects[0]", 1, "no square brackets"),
        ("count(objects) > 1 & t > 1", 18, "write `and`"),
        ("count(objects) > 1 | t > 1", 18, "write `or`"),
        ("p in (1, 2)", 6, "p == 1 or p == 2"),
        ("sqrt(x_um) > 1", 6, "no property of the frame"),
        # numpy said so of its ufuncs, at every image of the run; of `==` it said nothing.
        ("count(objects, area_um2 > '60') >= 12", 27, "a number is compared with a text: numbers stand without quotes"),
        ("count(objects) >= '3'", 19, "a number is compared with a text"),
        ("event('division') == 'one'", 22, "a number is compared with a text"),
        ("count(objects, class == 2) > 1", 25, "words in quotes"),
        ("channel == 0", 12, "words in quotes"),
        ("channel == t", 12, "a number is compared with a text"),
        ("mean(objects, class) > 1", 15, "nothing can be calculated with a text"),
        ("t + '1' > 3", 5, "nothing can be calculated with a text"),
    ],
)
def test_a_fault_is_found_before_the_first_frame_and_pointed_at(text: str, at: int, words: str) -> None:
    with pytest.raises(ConfigError, match=r"rule 'often'") as caught:
        Expression(text, where="rule 'often'")

    message = str(caught.value)
    assert words in message
    assert f"character {at}" in message


@pytest.mark.parametrize("text", ["count(objects, sqrt(area_um2) > 4) > 0", "max(objects, abs(area_um2)) > 4"])
def test_functions_of_a_number_take_columns_inside_of_the_table(text: str) -> None:
    assert Expression(text, where="rule").is_true(Seen())


def test_a_column_that_the_plan_does_not_give_is_named_with_those_it_does() -> None:
    expression = Expression("count(objects, roundness > 0.5) > 0", where="rule")

    with pytest.raises(StageError, match=r"no column 'roundness'; there are label, area_um2"):
        expression.value(Seen())


def seen_in_between(**given: int) -> Seen:
    """The same result of an image that was asked for in between."""
    seen = Seen()
    seen.frame = msgspec.structs.replace(seen.frame, axes={"asked": 4, **given}, t=None, **given)
    return seen


def test_an_image_that_was_asked_for_in_between_is_left_out_where_it_lacks_what_is_named() -> None:
    texts = ["t % 10 == 0", "count(objects, area_um2 > 10 * t) > 1", "p == 0", "channel == 'DAPI' and time_s >= 0"]
    conditions = [Expression(text, where="when") for text in texts]

    assert [one.applies_to(seen_in_between()) for one in conditions] == [False, False, False, True]
    assert [one.applies_to(seen_in_between(p=0)) for one in conditions] == [False, False, True, True]
    with pytest.raises(StageError, match="no 't': it was asked for in between"):
        conditions[0].is_true(seen_in_between())


def test_an_image_of_an_acquisition_that_counts_no_time_points_is_not_left_out_in_silence() -> None:
    condition, seen = Expression("t % 10 == 0", where="when"), Seen()
    seen.frame = msgspec.structs.replace(seen.frame, t=None)

    assert condition.applies_to(seen)
    with pytest.raises(StageError, match="no 't': this acquisition does not say it"):
        condition.is_true(seen)


def test_a_text_where_a_number_is_wanted_is_said_in_words() -> None:
    seen = Seen()
    seen.objects = Objects({"phase": np.array(["G1", "S"])})

    with pytest.raises(StageError, match="when: a number and a text cannot be compared"):
        Expression("count(objects, phase > 3) > 0", where="when").value(seen)


def test_a_condition_on_each_object_is_no_condition_on_the_frame() -> None:
    with pytest.raises(ConfigError, match="no property of the frame"):
        Expression("area_um2 > 100", where="rule")


@pytest.mark.parametrize("text", ["9 ** 9 ** 9 ** 9", "'a' * 999999999", "1 / 0"])
def test_what_would_take_for_ever_or_cannot_be_said_is_refused(text: str) -> None:
    started = time.monotonic()

    with pytest.raises((ConfigError, StageError)):
        Expression(text, where="rule").value(Seen())

    assert time.monotonic() - started < 5


def test_an_empty_table_counts_nothing_and_has_no_mean() -> None:
    seen = Seen()
    seen.objects = Objects({"area_um2": np.zeros(0, np.float32)})

    assert Expression("count(objects, area_um2 > 5)", where="rule").value(seen) == 0
    assert Expression("mean(objects, area_um2) > 5", where="rule").is_true(seen) is False


OFFER = Offer(
    columns=("label", "area_px", "area_um2", "mean_intensity", "class", "probability", "p_interphase", "p_mitotic"),
    events=("birth", "division"),
    scores=("focus", "saturated"),
)


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("event('divison') > 0", 7, "no stage of the plan gives an event 'divison'; did you mean 'division'?"),
        ("t > 3 and score('fokus') < 3", 17, "a score 'fokus'; did you mean 'focus'?"),
        ("count(objects, aera_um2 > 3) > 3", 16, "a column 'aera_um2'; did you mean 'area_um2'?"),
        ("mean(objects, area) > 3", 15, "a column 'area'; did you mean 'area_px'?"),
        ("count(objects, circularity > 3) > 3", 16, "a column 'circularity'; there are label, area_px"),
        ("count(objects, class == 'mitotc') > 3", 25, "no class 'mitotc'; did you mean 'mitotic'?"),
        ("count(objects, 'dead' != class) > 3", 16, "no class 'dead'; there are interphase, mitotic, unsure"),
        ("event('divison') + count(objects, aera > 3) > 0", 7, "an event 'divison'"),
    ],
)
def test_what_the_plan_does_not_give_is_pointed_at_with_the_nearest(text: str, at: int, words: str) -> None:
    with pytest.raises(ConfigError, match=r"when: ") as caught:
        Expression(text, where="when").check(OFFER)

    message = str(caught.value)
    assert words in message
    assert f"^ character {at}" in message


def test_a_plan_that_gives_nothing_of_the_kind_is_said_with_the_stage_that_does() -> None:
    bare = Offer(columns=("label",), events=(), scores=())

    for text, stage in (
        ("event('division')", "track"), ("score('focus') < 3", "quality"),
        ("count(objects, class == 'a') > 1", "classify"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"add a stage `{stage}`"):
            Expression(text, where="when").check(bare)
    with pytest.raises(ConfigError, match="add a stage `measure`"):
        Expression("count(objects, area_px > 3) > 1", where="when").check(Offer(columns=()))


@pytest.mark.parametrize(
    "text",
    [
        "count(objects, class == 'unsure' and t > 3 or channel == 'Phase') > 1",
        "count(objects) > 3 and event('birth') == 0 and score('saturated') < 1",
        "count(objects, area_um2 > 0.5 * median(objects, abs(area_px))) > 1",
    ],
)
def test_what_the_plan_gives_may_be_named(text: str) -> None:
    Expression(text, where="when").check(OFFER)


def test_where_a_stage_does_not_say_what_it_gives_anything_may_be_named() -> None:
    Expression("count(objects, roundness > 1 and class == 'x') > event('y') + score('z')", where="when").check(Offer())
