"""Agenda: what is imaged next, and how requests change it."""

import pytest
import useq

from stentor.core.clock import FakeClock
from stentor.core.errors import ConfigError
from stentor.scope.agenda import Agenda

TWO_CHANNELS = [useq.MDAEvent(index={"c": 0}), useq.MDAEvent(index={"c": 1})]


class Bench:
    """An agenda on a clock that moves only while the agenda waits."""

    def __init__(self, events: list[useq.MDAEvent], interval_s: float, time_points: int | None = None) -> None:
        self.clock = FakeClock()
        self.requests: list[tuple[float, object]] = []
        self.agenda = Agenda(
            events, interval_s=interval_s, time_points=time_points, clock=self.clock, meanwhile=self.wait
        )

    def wait(self, seconds: float) -> None:
        assert self.clock.monotonic_ns() < 60e9, "the agenda waits for ever"
        self.clock.advance(ms=1000 * seconds)
        for due_s, act in list(self.requests):
            if self.now_s >= due_s:
                self.requests.remove((due_s, act))
                act()  # type: ignore[operator]

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_ns() / 1e9

    def take(self, count: int) -> list[tuple[float, dict[str, int]]]:
        """The next events as (time, index); each is exposed for 10 ms."""
        taken = []
        for event in self.agenda:
            taken.append((round(self.now_s, 2), dict(event.index)))
            self.clock.advance(ms=10)
            if len(taken) == count:
                break
        return taken


def test_time_points_come_at_the_interval() -> None:
    bench = Bench(TWO_CHANNELS, 1.0)

    taken = bench.take(5)

    assert taken == [
        (0.0, {"t": 0, "c": 0}), (0.01, {"t": 0, "c": 1}), (1.0, {"t": 1, "c": 0}), (1.01, {"t": 1, "c": 1}),
        (2.0, {"t": 2, "c": 0}),
    ]  # fmt: skip


def test_an_exposure_asked_for_is_that_of_every_event_without_one_of_its_own() -> None:
    clock = FakeClock()
    events = [useq.MDAEvent(index={"c": 0}), useq.MDAEvent(index={"c": 1}, exposure=7.0)]
    agenda = Agenda(events, interval_s=0.0, time_points=2, clock=clock, meanwhile=lambda wait_s: None, exposure_ms=50.0)
    first = next(agenda)

    agenda.set_exposure(80.0)

    assert [event.exposure for event in (first, *agenda)] == [50.0, 7.0, 80.0, 7.0]


def test_it_ends_after_its_time_points_and_can_be_extended() -> None:
    bench = Bench(TWO_CHANNELS[:1], 0.1, time_points=2)
    bench.requests.append((0.05, lambda: bench.agenda.extend(1)))

    assert [index["t"] for _, index in bench.take(99)] == [0, 1, 2]


def test_a_shorter_interval_acts_while_it_waits() -> None:
    bench = Bench(TWO_CHANNELS[:1], 10.0)
    bench.requests.append((1.0, lambda: bench.agenda.set_interval(2.0)))

    (first, _), (second, _), (third, _) = bench.take(3)

    assert (first, second, third) == pytest.approx((0.0, 2.0, 4.0), abs=0.06)


def test_a_late_time_point_is_not_made_up_for() -> None:
    bench = Bench(TWO_CHANNELS[:1], 1.0)
    bench.take(1)
    bench.clock.advance(ms=3500)

    (late, _), (after, _) = bench.take(2)

    assert after - late == pytest.approx(1.0)


def test_what_is_asked_for_now_comes_before_the_rest_of_the_time_point() -> None:
    bench = Bench(TWO_CHANNELS, 1.0)
    bench.take(1)

    bench.agenda.ask([useq.MDAEvent(index={"z": 0}), useq.MDAEvent(index={"z": 1})], is_urgent=True)

    assert [index for _, index in bench.take(3)] == [{"z": 0, "asked": 0}, {"z": 1, "asked": 1}, {"t": 0, "c": 1}]


def test_what_is_asked_for_next_comes_after_the_time_point() -> None:
    bench = Bench(TWO_CHANNELS, 1.0)
    bench.take(1)

    bench.agenda.ask([useq.MDAEvent()], is_urgent=False)

    assert [index for _, index in bench.take(3)] == [{"t": 0, "c": 1}, {"asked": 0}, {"t": 1, "c": 0}]


def test_skipping_leaves_out_the_rest_of_the_time_point() -> None:
    bench = Bench(TWO_CHANNELS, 1.0)
    bench.take(1)

    bench.agenda.skip()

    assert bench.take(1) == [(1.0, {"t": 1, "c": 0})]


def test_paused_it_waits_and_goes_on_where_it_was() -> None:
    bench = Bench(TWO_CHANNELS, 1.0)
    bench.take(1)
    bench.agenda.pause()
    bench.requests.append((5.0, bench.agenda.resume))

    ((at, index),) = bench.take(1)

    assert at == pytest.approx(5.0, abs=0.1)
    assert index == {"t": 0, "c": 1}


def test_positions_replace_those_before_with_their_z_stack() -> None:
    stack = [
        useq.MDAEvent(index={"p": p, "z": z}, x_pos=100.0 * p, y_pos=0.0, z_pos=5.0 + z) for p in (0, 1) for z in (0, 1)
    ]
    agenda = Agenda(stack, interval_s=1, time_points=None, clock=FakeClock(), meanwhile=lambda s: None)

    agenda.visit([(7.0, 8.0), (9.0, 10.0, 20.0)])
    events = [next(agenda) for _ in range(4)]

    assert [(e.x_pos, e.y_pos, e.z_pos) for e in events] == [(7, 8, 5), (7, 8, 6), (9, 10, 20), (9, 10, 21)]
    assert [dict(e.index) for e in events] == [{"t": 0, "p": p, "z": z} for p in (0, 1) for z in (0, 1)]


def test_stopped_it_ends_at_once_also_while_paused() -> None:
    bench = Bench(TWO_CHANNELS, 1.0)
    bench.take(1)
    bench.agenda.pause()
    bench.requests.append((1.0, bench.agenda.stop))

    assert bench.take(5) == []


class Diary:
    """A detour that only writes down."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def begin(self) -> None:
        self.entries.append("begin")

    def end(self) -> None:
        self.entries.append("end")


def test_after_images_in_between_it_goes_back_before_anything_else_can_move() -> None:
    diary = Diary()
    clock = FakeClock()
    agenda = Agenda(
        TWO_CHANNELS, interval_s=1.0, time_points=1, clock=clock, detour=diary,
        meanwhile=lambda wait_s: diary.entries.append("requests"),
    )  # fmt: skip
    next(agenda)

    first = agenda.ask([useq.MDAEvent(), useq.MDAEvent()], is_urgent=True)
    indices = [dict(next(agenda).index) for _ in range(3)]

    assert first == 0
    assert indices == [{"asked": 0}, {"asked": 1}, {"c": 1, "t": 0}]
    assert diary.entries == ["requests", "requests", "begin", "requests", "end", "requests"]


def test_images_that_follow_each_other_are_one_detour() -> None:
    diary = Diary()
    agenda = Agenda(
        TWO_CHANNELS, interval_s=1.0, time_points=1, clock=FakeClock(), detour=diary, meanwhile=lambda wait_s: None
    )
    next(agenda)
    next(agenda)

    agenda.ask([useq.MDAEvent()], is_urgent=True)
    agenda.ask([useq.MDAEvent()], is_urgent=False)

    assert [dict(event.index) for event in agenda] == [{"asked": 0}, {"asked": 1}]
    assert diary.entries == ["begin", "end"]


def test_no_place_at_all_is_refused_and_the_acquisition_keeps_its_own() -> None:
    bench = Bench([useq.MDAEvent(x_pos=1, y_pos=2)], interval_s=0.0)

    with pytest.raises(ConfigError, match="no position"):
        bench.agenda.visit([])

    assert next(bench.agenda).x_pos == 1


def test_who_asks_for_ever_more_is_refused_when_enough_waits() -> None:
    bench = Bench([useq.MDAEvent()], interval_s=0.0)
    bench.agenda.ask([useq.MDAEvent()] * 6000, is_urgent=True)

    with pytest.raises(ConfigError, match="6000 images"):
        bench.agenda.ask([useq.MDAEvent()] * 6000, is_urgent=False)
