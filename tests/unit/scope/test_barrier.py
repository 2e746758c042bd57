"""The acquisition waits after each moment for a decision, and not for ever."""

import itertools

import pytest
import useq

from stentor.core.clock import FakeClock
from stentor.core.errors import ConfigError
from stentor.scope.acquisition import BarrierSettings
from stentor.scope.agenda import Agenda
from stentor.scope.barrier import Barrier, Moment

TWO_PLACES = [useq.MDAEvent(index={"p": p, "c": c}) for p in range(2) for c in range(2)]


class Bench:
    """An agenda with a barrier, on a clock that moves while it waits; `decide_after_s` None: nobody decides."""

    def __init__(self, decide_after_s: float | None, **settings: object) -> None:
        self.clock = FakeClock()
        self.overdue: list[Moment] = []
        barrier = BarrierSettings(**{"controller": "stimulate", "timeout_s": 0.5, **settings})  # type: ignore[arg-type]
        self.agenda = Agenda(
            TWO_PLACES, interval_s=0.0, time_points=3, clock=self.clock, meanwhile=self.wait,
            barrier=Barrier(barrier, self.clock, self.overdue.append),
        )  # fmt: skip
        self.decide_after_s = decide_after_s
        self.taken: list[tuple[float, Moment]] = []

    def wait(self, seconds: float) -> None:
        self.clock.advance(ms=max(1.0, 1000 * seconds))
        if self.taken and self.decide_after_s is not None:
            seen_s, moment = self.taken[-1]
            if self.clock.monotonic_ns() / 1e9 - seen_s >= self.decide_after_s:
                self.agenda.go_on(moment, "stimulate")

    def run(self) -> list[float]:
        """When each event came, in seconds."""
        for event in self.agenda:
            self.taken.append((self.clock.monotonic_ns() / 1e9, (event.index["t"], event.index["p"])))
        return [at_s for at_s, _ in self.taken]


def test_it_waits_after_each_place_until_somebody_has_decided() -> None:
    bench = Bench(decide_after_s=0.2)

    times_s = bench.run()

    gaps_s = [round(after - before, 2) for before, after in itertools.pairwise(times_s)]
    assert len(times_s) == 12
    assert [gap >= 0.19 for gap in gaps_s] == [False, True] * 5 + [False]
    assert max(gaps_s) < 0.4
    assert bench.overdue == []


def test_it_goes_on_when_nobody_decides_and_says_so() -> None:
    bench = Bench(decide_after_s=None)

    times_s = bench.run()

    assert len(times_s) == 12
    assert bench.overdue == [(t, p) for t in range(3) for p in range(2)]
    assert times_s[-1] < 5 * 0.5 + 0.5


def test_only_every_so_many_time_points_are_waited_for() -> None:
    bench = Bench(decide_after_s=None, every=2)

    bench.run()

    assert bench.overdue == [(0, 0), (0, 1), (2, 0), (2, 1)]


def test_a_word_for_an_earlier_moment_opens_nothing() -> None:
    bench = Bench(decide_after_s=None)

    next(bench.agenda)
    next(bench.agenda)
    bench.agenda.go_on((7, 7), "stimulate")
    next(bench.agenda)

    assert bench.overdue == [(0, 0)]


def test_another_controllers_word_neither_opens_it_nor_undoes_the_right_one() -> None:
    bench = Bench(decide_after_s=None)
    next(bench.agenda)
    next(bench.agenda)

    with pytest.raises(ConfigError, match="waits for stimulate"):
        bench.agenda.go_on((0, 0), "follow")
    began_ns = bench.clock.monotonic_ns()
    bench.agenda.go_on((0, 0), "stimulate")
    with pytest.raises(ConfigError):
        bench.agenda.go_on((7, 7), "follow")
    next(bench.agenda)

    assert bench.overdue == []
    assert bench.clock.monotonic_ns() - began_ns < 100e6


def test_what_is_asked_for_now_comes_while_it_waits() -> None:
    bench = Bench(decide_after_s=None)
    next(bench.agenda)
    next(bench.agenda)

    bench.agenda.ask([useq.MDAEvent()], is_urgent=True)

    assert dict(next(bench.agenda).index) == {"asked": 0}
    assert bench.overdue == []


def test_a_pause_costs_nobody_the_time_to_decide() -> None:
    bench = Bench(decide_after_s=None)
    next(bench.agenda)
    next(bench.agenda)
    _, first_s = bench.agenda._choose()
    bench.clock.advance(ms=300)
    bench.agenda.pause()
    paused = [bench.agenda._choose() for _ in range(3) if bench.clock.advance(ms=400) is None]

    bench.agenda.resume()
    _, held_s = bench.agenda._choose()

    assert [event for event, _ in paused] == [None] * 3
    assert (first_s, held_s) == (0.5, 0.5)
    assert bench.overdue == []
