"""Pace: every image has its moment."""

from typing import Any

import numpy as np
import pytest

from stentor.core.clock import FakeClock
from stentor.core.errors import ConfigError
from stentor.scope.replay.pace import Pace
from stentor.scope.replay.recording import RecordedImage
from stentor.scope.replay.settings import ReplaySettings

START_NS = 5_000_000_000


def due_s(times: list[float | None], **settings: Any) -> list[float]:
    """Seconds from the first image to each moment at which one is due, asked while the clock goes on."""
    clock = FakeClock(monotonic_ns=START_NS)
    pace = Pace(ReplaySettings(**settings), clock)
    due = []
    for time_s in times:
        due.append((pace.due_ns(RecordedImage("image", {}, lambda: np.zeros((1, 1)), time_s)) - START_NS) / 1e9)
        clock.advance(ms=1)
    return due


def test_at_recorded_pace_the_intervals_are_those_of_the_recording() -> None:
    assert due_s([10.0, 10.5, 13.0], pace="recorded") == [0, 0.5, 3]


def test_a_factor_shortens_the_intervals() -> None:
    assert due_s([10.0, 10.5, 13.0], pace=4.0) == [0, 0.125, 0.75]


def test_a_rate_needs_no_recorded_times() -> None:
    assert due_s([None, None, None], rate_hz=20.0) == pytest.approx([0, 0.05, 0.1])


def test_a_rate_wins_over_the_recorded_times() -> None:
    assert due_s([0.0, 60.0], rate_hz=10.0, pace="recorded") == pytest.approx([0, 0.1])


def test_as_fast_is_always_due() -> None:
    assert all(due <= 0 for due in due_s([None, 5.0, 2.0]))


def test_an_image_whose_time_is_missing_comes_at_once() -> None:
    assert due_s([1.0, None, 3.0], pace="recorded") == [0, 0, 2]


def test_the_recorded_pace_of_a_recording_without_times_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"does not say when its images were taken; give rig\.replay\.rate_hz"):
        due_s([None], pace="recorded")
