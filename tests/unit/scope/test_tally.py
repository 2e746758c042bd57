"""Counting what arrives."""

from typing import Any

import numpy as np
import pytest

from stentor.microscope.arrival import Arrival
from stentor.scope.tally import Tally

PIXELS = np.zeros((2, 2), np.uint8)


def ignore(arrival: Arrival) -> None:
    """Take an image and do nothing."""


def tally_of(*tags: dict[str, Any]) -> Tally:
    tally = Tally(ignore)
    for one in tags:
        tally.deliver(PIXELS, one, None, 0)
    return tally


@pytest.mark.parametrize(
    ("numbers", "missed"),
    [
        ([0, 1, 2], 0),
        ([0, 1, 5, 6], 3),
        ([2, 3], 2),
        ([0, 1, 0, 1], 0),
        ([0, 1, 2, 1, 2], 1),
        (["0", "1", "4"], 2),
        ([None, None], 0),
    ],
)
def test_holes_in_the_numbering_of_a_core_are_counted(numbers: list[Any], missed: int) -> None:
    assert tally_of(*({"ImageNumber": number} for number in numbers)).missed == missed


@pytest.mark.parametrize(("numbers", "missed"), [([27, 28, 29], 0), ([27, 30], 2), ([27, 0, 1], 0)])
def test_a_camera_that_counts_over_its_life_may_begin_anywhere(numbers: list[int], missed: int) -> None:
    tags = ({"ImageNumber": n, "FrameCounter": number} for n, number in enumerate(numbers))

    assert tally_of(*tags).missed == missed


def test_a_run_short_of_images_is_a_failure_whatever_the_backend_says() -> None:
    report = tally_of({}, {}).report(expected=3, is_aborted=False)

    assert (report.reason, report.received) == ("failed", 2)
    assert report.error == "2 of 3 images came, and the engine gave no reason"


def test_a_run_with_too_many_images_is_a_failure() -> None:
    assert tally_of({}, {}).report(expected=1, is_aborted=False).reason == "failed"


def test_an_abort_after_the_last_image_changes_nothing() -> None:
    assert tally_of({}, {}).report(expected=2, is_aborted=True).reason == "completed"


def test_an_abort_of_an_open_run_is_an_abort() -> None:
    tally = tally_of({}, {})

    assert tally.report(expected=None, is_aborted=True).reason == "aborted"
    assert tally.report(expected=2, is_aborted=True, is_open_ended=True).reason == "aborted"


def test_a_sink_that_raises_is_counted_beside_the_images() -> None:
    def fail(arrival: Arrival) -> None:
        raise RuntimeError

    tally = Tally(fail)
    tally.deliver(PIXELS, {}, None, 0)
    report = tally.report(expected=1, is_aborted=False)

    assert (report.received, report.sink_failures, report.reason) == (1, 1, "completed")


def test_waiting_for_images_ends_with_the_time_out() -> None:
    tally = tally_of({})

    assert tally.wait_for(1, timeout_s=0)
    assert not tally.wait_for(2, timeout_s=0.01)
