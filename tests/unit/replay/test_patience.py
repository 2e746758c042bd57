"""Patience: a replay waits for moments and for the daemon, and can always be stopped."""

import threading
from typing import Any

import pytest

from stentor.core.clock import FakeClock
from stentor.core.errors import SourceError
from stentor.scope.replay.patience import Patience


class Producer:
    """What patience looks at: a producer whose daemon comes and goes as a test says."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.stop_requested = threading.Event()
        self.denied: str | None = None


class World:
    """A clock that goes on whenever somebody looks, and a stop button."""

    def __init__(self, limit_s: float = 5.0) -> None:
        self.clock = FakeClock()
        self.looks = 0
        self.stop_at_look = 10**9
        self.patience = Patience(limit_s, self.clock, must_stop=self._look)

    def _look(self) -> bool:
        self.looks += 1
        self.clock.advance(ms=1000)
        return self.looks >= self.stop_at_look


@pytest.fixture
def producer() -> Any:
    return Producer()


def test_a_moment_is_awaited_and_one_that_has_passed_is_not() -> None:
    world = World()

    assert world.patience.pause_until(3_000_000_000)
    assert world.looks == 3
    assert world.patience.pause_until(0)
    assert world.looks == 4


def test_a_stop_ends_every_wait(producer: Any) -> None:
    world = World()
    world.stop_at_look = 1

    assert not world.patience.pause_until(10**15)
    assert not world.patience.wait_for(producer, lambda timeout_s: False)
    assert world.patience.wait_a_while_for(lambda: False)


def test_the_daemons_word_stops_too(producer: Any) -> None:
    world = World()
    world.patience.heed(producer)
    producer.stop_requested.set()

    assert world.patience.is_stopped and not world.patience.pause_until(10**15)


def test_a_daemon_that_is_there_is_awaited_however_slow(producer: Any) -> None:
    world = World(limit_s=5)
    producer.ready.set()

    assert world.patience.wait_for(producer, lambda timeout_s: world.looks == 60)


def test_a_daemon_that_returns_in_time_is_awaited(producer: Any) -> None:
    world = World(limit_s=5)

    def return_sometimes(timeout_s: float) -> bool:
        (producer.ready.set if world.looks % 4 == 0 else producer.ready.clear)()
        return world.looks == 40

    assert world.patience.wait_for(producer, return_sometimes)


def test_a_daemon_that_stays_away_or_refuses_ends_the_replay(producer: Any) -> None:
    world = World(limit_s=5)
    with pytest.raises(SourceError, match=r"no analysis was ready for 5 s; .*wait_for_daemon_s"):
        world.patience.wait_for(producer, lambda timeout_s: False)

    assert world.looks == 6
    producer.denied = "it speaks protocol 0"
    with pytest.raises(SourceError, match="refuses this replay: it speaks protocol 0"):
        world.patience.wait_for(producer, lambda timeout_s: False)


def test_what_may_not_happen_is_awaited_for_a_while_only() -> None:
    assert not World().patience.wait_a_while_for(lambda: False)
    assert World().patience.wait_a_while_for(lambda: True)
