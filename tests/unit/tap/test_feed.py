"""Feed: one copy on the host's thread, everything else elsewhere, and every image named."""

import threading
from typing import Any

import numpy as np
import pytest

from stentor.tap import feed as feed_module
from stentor.tap.feed import Feed
from stentor.tap.frame_maker import TOO_MANY
from stentor.wire import platforms

from .conftest import AnsweringCore, NotingProducer, wait_until

IMAGE = np.arange(48, dtype=np.uint16).reshape(6, 8)
TAGS = {"Camera": "Camera", "Axes": {"time": 3}}


def producer() -> NotingProducer:
    (made,) = NotingProducer.made
    return made


def settle(feed: Feed) -> NotingProducer:
    """Let the feed's thread come to the end of what it was told."""
    assert feed.close(5.0)
    return producer()


def test_what_the_host_does_to_its_image_afterwards_is_not_seen(feed: Feed, pixels_of: Any) -> None:
    image = IMAGE.copy()

    feed.take(image, TAGS)
    image[:] = 0
    wait_until(lambda: producer().frames)

    assert (pixels_of(*producer().frames[0]) == IMAGE).all()


def test_the_daemon_hears_what_frames_look_like_before_the_first(feed: Feed) -> None:
    assert producer().spec.shape_yx == (6, 8) and producer().spec.pixel_size_um == 0.5


def test_headers_have_axes_exposure_and_place(feed: Feed) -> None:
    feed.take(IMAGE, TAGS)
    header, _ = settle(feed).frames[0]

    assert (header.axes, header.t, header.exposure_ms) == ({"time": 3}, 3, 10.0)
    assert (header.stage.x_um, header.stage.origin) == (100.0, "read-back")
    assert header.pixel_to_stage is not None


def test_a_drive_that_moves_is_not_waited_for(feed: Feed, core: AnsweringCore) -> None:
    core.is_busy = True

    feed.take(IMAGE, TAGS)
    header, _ = settle(feed).frames[0]

    assert (header.stage.x_um, header.stage.origin, header.pixel_to_stage) == (None, None, None)


def test_a_region_of_interest_set_before_the_tap_has_no_place_on_the_stage(core: Any, shm: Any) -> None:
    core.roi = (100, 60)
    feed = Feed(core, rig="rig", stream="camera", source="a test", clock=platforms.system_clock())
    feed.take(IMAGE, TAGS)

    header, _ = settle(feed).frames[0]

    assert header.roi_xywh == (100, 60, 8, 6)
    assert header.pixel_to_stage is None


def test_larger_images_are_held_until_their_ring_is_made(feed: Feed, core: AnsweringCore, pixels_of: Any) -> None:
    large = np.arange(96, dtype=np.uint16).reshape(8, 12).repeat(32, 0).repeat(32, 1)
    core.shape = large.shape

    for _ in range(3):
        feed.take(large, TAGS)
    wait_until(lambda: len(producer().frames) == 3)

    assert all((pixels_of(*frame) == large).all() for frame in producer().frames)


def test_a_core_without_a_camera_is_introduced_with_its_first_frame(core: Any, shm: Any) -> None:
    core.camera = ""
    feed = Feed(core, rig="rig", stream="camera", source="a test", clock=platforms.system_clock())
    assert not NotingProducer.made

    feed.take(IMAGE, TAGS)

    assert settle(feed).names() == [("run0", 0)]


def test_runs_are_begun_and_ended_as_they_are_told(feed: Feed) -> None:
    for ended in ("completed", "aborted"):
        feed.begin_run()
        feed.take(IMAGE, TAGS)
        feed.take(IMAGE, TAGS)
        feed.end_run(ended)
    noted = settle(feed)

    assert noted.names() == [("run0", 0), ("run0", 1), ("run1", 0), ("run1", 1)]
    assert noted.ended == ["completed", "aborted"]


def test_an_acquisition_ends_with_the_thread_that_showed_its_images(feed: Feed) -> None:
    def acquire() -> None:
        for _ in range(3):
            feed.take(IMAGE, TAGS, owner=threading.current_thread())

    for _ in range(2):
        thread = threading.Thread(target=acquire)
        thread.start()
        thread.join()
    noted = settle(feed)

    assert noted.names() == [(run, n) for run in ("run0", "run1") for n in range(3)]
    assert noted.ended == ["completed", "completed"]


def test_images_of_several_threads_are_one_run_and_all_different(feed: Feed) -> None:
    go = threading.Barrier(8)

    def acquire() -> None:
        go.wait()
        for _ in range(50):
            feed.take(IMAGE, TAGS, owner=threading.current_thread())
        go.wait()

    threads = [threading.Thread(target=acquire) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert settle(feed).names() == [("run0", n) for n in range(400)]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 4, 3), np.uint8), "is not one plane"),
        (np.zeros((4, 4), np.float64), "float64 are not taken"),
        (np.zeros((0, 4), np.uint8), "empty"),
    ],
)
def test_what_is_no_frame_is_refused_by_name(feed: Feed, image: Any, words: str) -> None:
    feed.take(image, TAGS)

    ((frame_id, reason),) = settle(feed).refused
    assert frame_id.sequence == 0 and words in reason


def test_a_core_that_fails_costs_the_frame_and_nothing_else(feed: Feed, core: AnsweringCore) -> None:
    core.fault = RuntimeError("no answer from the camera")
    feed.take(IMAGE, TAGS)
    wait_until(lambda: producer().refused)
    core.fault = None
    feed.take(IMAGE, TAGS)
    noted = settle(feed)

    assert noted.refused[0][1] == "no answer from the camera"
    assert noted.names() == [("run0", 1)]


def test_when_the_feed_is_hopelessly_behind_the_images_are_counted(
    feed: Feed, core: AnsweringCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(feed_module, "MOST_WAITING", 3)

    def read() -> tuple[Any, Any]:
        go_on.wait(10)
        return IMAGE, TAGS

    for _ in range(10):
        feed.fetch(read, None)
    go_on.set()
    wait_until(lambda: len(producer().frames) == 3)
    feed.take(IMAGE, TAGS)
    noted = settle(feed)

    assert len(noted.frames) + len(noted.refused) == 11
    assert {reason for _, reason in noted.refused} == {TOO_MANY}


def test_an_image_that_cannot_be_read_from_its_dataset_is_refused(feed: Feed) -> None:
    def read() -> tuple[Any, Any]:
        raise Exception("image with keys {} not present in data set")

    feed.fetch(read, None)

    assert "not present in data set" in settle(feed).refused[0][1]


def test_the_core_is_read_once_a_run_and_when_it_is_said_to_have_changed(feed: Feed, core: AnsweringCore) -> None:
    for _ in range(5):
        feed.take(IMAGE, TAGS)
    wait_until(lambda: len(producer().frames) == 5)
    assert core.readings == 1

    feed.mark_stale()
    feed.take(IMAGE, TAGS)
    settle(feed)

    assert core.readings == 2


def test_what_is_shown_after_the_end_is_not_seen(feed: Feed) -> None:
    noted = settle(feed)

    feed.take(IMAGE, TAGS)
    feed.close(1.0)

    assert noted.frames == [] and noted.refused == []
