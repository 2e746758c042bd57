"""The small parts that runs are made of: feed, turnstile, errand, overheard, faults of a core."""

import logging
import threading
from collections.abc import Iterator

import pytest
import useq

from stentor.core.errors import ConfigError, SourceError
from stentor.scope.core_faults import COMMANDS, CoreFaults
from stentor.scope.errand import Errand
from stentor.scope.event_feed import EventFeed
from stentor.scope.overheard import Overheard
from stentor.scope.turnstile import Turnstile

EVENTS = [useq.MDAEvent(index={"t": t}) for t in range(3)]
AUTOFOCUS = useq.MDAEvent(action=useq.HardwareAutofocus(autofocus_motor_offset=1))


def accept(event: useq.MDAEvent) -> None:
    """Find nothing wrong."""


def test_known_events_are_counted_beforehand_and_autofocus_is_no_image() -> None:
    feed = EventFeed([*EVENTS, AUTOFOCUS], threading.Event(), accept, images_per_event=2)

    assert feed.expected == 6
    assert list(feed) == [*EVENTS, AUTOFOCUS]


def test_events_of_an_iterator_are_counted_as_they_are_handed_out() -> None:
    feed = EventFeed(iter(EVENTS), threading.Event(), accept)
    handed = iter(feed)

    assert (feed.whole, feed.expected) == (None, 0)
    next(handed)
    assert feed.expected == 1


def test_a_feed_runs_dry_at_abort() -> None:
    stop = threading.Event()
    handed = iter(EventFeed(EVENTS, stop, accept))
    next(handed)

    stop.set()

    assert list(handed) == []


def test_known_events_are_checked_before_the_run_and_others_as_they_come() -> None:
    def refuse(event: useq.MDAEvent) -> None:
        raise ConfigError("no")

    with pytest.raises(ConfigError):
        EventFeed(EVENTS, threading.Event(), refuse)
    feed = EventFeed(iter(EVENTS), threading.Event(), refuse)
    with pytest.raises(ConfigError):
        next(iter(feed))


def test_an_iterator_is_not_read_before_it_is_asked() -> None:
    asked: list[int] = []

    def make() -> Iterator[useq.MDAEvent]:
        for event in EVENTS:
            asked.append(event.index["t"])
            yield event

    handed = iter(EventFeed(make(), threading.Event(), accept))
    assert asked == []
    next(handed)
    assert asked == [0]


def test_a_turnstile_lets_one_run_through_and_carries_the_abort_to_it() -> None:
    turnstile = Turnstile()

    assert not turnstile.abort()
    with turnstile.enter() as stop:
        with pytest.raises(SourceError, match="already running"), turnstile.enter():
            pass
        assert turnstile.abort()
        assert stop.is_set()
    with turnstile.enter() as fresh:
        assert not fresh.is_set()


def test_a_turnstile_can_be_waited_for() -> None:
    turnstile = Turnstile()

    with turnstile.enter():
        assert not turnstile.await_empty(0)
    assert turnstile.await_empty(0)


def test_a_broken_turnstile_lets_nobody_through() -> None:
    turnstile = Turnstile()
    turnstile.break_down("a driver hangs")

    with pytest.raises(SourceError, match=r"a driver hangs.*restart the scope"), turnstile.enter():
        pass


def test_an_errand_that_hangs_is_left_behind_after_the_grace() -> None:
    release, stop, urged = threading.Event(), threading.Event(), threading.Event()
    errand = Errand(lambda: release.wait(30) and None, "hang")
    errand.start()
    stop.set()

    assert not errand.outlast(stop, urge=urged.set, grace_s=0.05)
    assert urged.is_set()
    release.set()
    assert errand.is_done(5)


@pytest.mark.parametrize(
    ("error", "words"), [(SourceError("no camera"), "no camera"), (KeyError("x"), "KeyError: 'x'"), (None, None)]
)
def test_an_errand_tells_what_it_raised(error: Exception | None, words: str | None) -> None:
    def task() -> None:
        if error is not None:
            raise error

    errand = Errand(task, "task")
    errand.start()

    assert errand.outlast(threading.Event(), urge=lambda: None, grace_s=0)
    assert errand.error == words


def test_only_the_complaints_of_interest_are_overheard() -> None:
    logger = logging.getLogger("tests.backend")
    with Overheard("tests.backend", ("Failed to",)) as overheard:
        logger.warning("All is well")
        logger.warning("Failed to set %s", "XY")
        logger.warning("Failed to snap")
    logger.warning("Failed afterwards")

    assert overheard.complaint == "tests.backend: Failed to set XY"


def test_a_fault_of_a_core_is_forgotten_when_the_command_works_again() -> None:
    class Core:
        works = False

        def set_position(self, drive: str, z_um: float) -> str:
            if not self.works:
                raise RuntimeError("limit\nswitch")
            return "moved"

    core = Core()
    for name in set(COMMANDS) - {"set_position"}:
        setattr(core, name, lambda: None)
    faults = CoreFaults(core)  # type: ignore[arg-type]

    with pytest.raises(RuntimeError):
        core.set_position("Z", 1.0)
    assert faults.newest == "set_position: limit switch"
    core.works = True
    assert core.set_position("Z", 1.0) == "moved"
    assert faults.newest is None
