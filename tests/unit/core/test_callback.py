"""A callback on a foreign thread."""

import logging

import pytest

from stentor.core.callback import guarded_callback
from stentor.core.errors import SourceError


def test_what_a_callback_raises_is_counted_and_not_passed_on() -> None:
    def fail(value: int) -> None:
        raise ValueError(value)

    guarded = guarded_callback(fail)
    guarded(1)
    guarded(2)

    assert guarded.failures == 2
    assert str(guarded.last_error) == "2"


def test_a_failure_is_logged_once_and_then_every_minute(caplog: pytest.LogCaptureFixture) -> None:
    times_s = iter((0.0, 1.0, 59.0, 60.0, 61.0, 121.0))

    def fail() -> None:
        raise ValueError

    guarded = guarded_callback(fail, name="the sink", now_s=lambda: next(times_s))
    for _ in range(6):
        guarded()

    said = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in said] == [
        "the sink failed (1 so far)",
        "the sink failed (4 so far)",
        "the sink failed (6 so far)",
    ]


@pytest.mark.parametrize(("error", "has_traceback"), [(SourceError("no camera"), False), (KeyError("x"), True)])
def test_only_a_strangers_error_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture, error: Exception, has_traceback: bool
) -> None:
    def fail() -> None:
        raise error

    with caplog.at_level(logging.ERROR):
        guarded_callback(fail)()

    assert bool(caplog.records[0].exc_info and caplog.records[0].exc_info[0]) is has_traceback


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded_callback(interrupt)()
