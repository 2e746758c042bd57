"""Skipping clock: waits cost nothing, work costs what it costs."""

import threading

from stentor.core.clock import NS_PER_S
from stentor.rehearsal.skipping_clock import SkippingClock


def test_a_wait_of_an_hour_is_over_at_once_and_counts_an_hour() -> None:
    clock = SkippingClock()
    began_ns = clock.monotonic_ns()

    assert clock.wait_until(began_ns + 3600 * NS_PER_S, threading.Event())

    assert 3600 * NS_PER_S <= clock.monotonic_ns() - began_ns < 3660 * NS_PER_S


def test_time_never_runs_back() -> None:
    clock = SkippingClock()
    clock.skip(100.0)
    now_ns = clock.monotonic_ns()

    clock.wait_until(now_ns - 50 * NS_PER_S, threading.Event())
    clock.skip(-5.0)

    assert clock.monotonic_ns() >= now_ns


def test_a_wait_says_that_it_was_given_up() -> None:
    given_up = threading.Event()
    given_up.set()

    assert not SkippingClock().wait_until(0, given_up)


def test_wall_time_goes_with_it() -> None:
    clock = SkippingClock()
    before_ns = clock.wall_ns()

    clock.skip(60.0)

    assert clock.wall_ns() - before_ns >= 60 * NS_PER_S
