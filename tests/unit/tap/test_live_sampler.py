"""Live sampler: looks, takes nothing, and looks at nothing twice."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stentor.tap.live_sampler import LiveSampler

IMAGE = np.zeros((4, 4), np.uint16)


class LiveCore:
    """A core that shows the images in `numbers` one after the other, None being an empty buffer, and then stops."""

    def __init__(self, *numbers: int | None) -> None:
        self.numbers = list(numbers)
        self.mda = SimpleNamespace(is_running=lambda: self.is_in_mda)
        self.is_in_mda = False
        self.looks = 0

    def isSequenceRunning(self) -> bool:  # noqa: N802
        return bool(self.numbers)

    def getLastImageAndMD(self) -> tuple[Any, dict[str, str]]:  # noqa: N802
        self.looks += 1
        number = self.numbers.pop(0)
        if number is None:
            raise IndexError("the buffer is empty")
        return IMAGE, {"ImageNumber": str(number), "Camera": "Camera"}


class NotingFeed:
    def __init__(self) -> None:
        self.said: list[Any] = []
        self.is_over = threading.Event()

    def begin_run(self) -> None:
        self.said.append("begin")

    def mark_stale(self) -> None:
        pass

    def take(self, image: Any, metadata: Any) -> None:
        self.said.append(int(metadata["ImageNumber"]))

    def end_run(self) -> None:
        self.said.append("end")
        self.is_over.set()


@pytest.fixture
def feed() -> NotingFeed:
    return NotingFeed()


@pytest.fixture
def sampler_for(feed: NotingFeed) -> Iterator[Any]:
    made: list[LiveSampler] = []

    def make(core: Any) -> LiveSampler:
        made.append(LiveSampler(core, feed, rate_hz=1000))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for sampler in made:
        sampler.close()


def test_each_image_is_shown_once_and_an_empty_buffer_is_passed_over(sampler_for: Any, feed: NotingFeed) -> None:
    sampler = sampler_for(LiveCore(None, 0, 0, 4, None, 9, 9))

    sampler.wake()

    assert feed.is_over.wait(5)
    assert feed.said == ["begin", 0, 4, 9, "end"]


def test_live_mode_that_starts_again_is_another_run(sampler_for: Any, feed: NotingFeed) -> None:
    core = LiveCore(0, 1)
    sampler = sampler_for(core)
    sampler.wake()
    assert feed.is_over.wait(5)
    feed.is_over.clear()

    core.numbers = [0, 2]
    sampler.wake()

    assert feed.is_over.wait(5)
    assert feed.said == ["begin", 0, 1, "end", "begin", 0, 2, "end"]


def test_an_mda_is_left_alone(sampler_for: Any, feed: NotingFeed) -> None:
    core = LiveCore(0, 1)
    core.is_in_mda = True
    sampler = sampler_for(core)

    sampler.wake()
    sampler.close()

    assert core.looks == 0 and feed.said == []
