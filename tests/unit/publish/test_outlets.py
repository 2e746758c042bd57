"""Outlets: newest wins for control, once and in order for record, and nobody pays for another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stentor.core.clock import FakeClock
from stentor.core.doors import DoorTimes
from stentor.core.finding import Image, Labels
from stentor.core.frame import FrameHeader, FrameId
from stentor.publish.outgoing import Outgoing
from stentor.publish.outlets import Outlets
from stentor.publish.settings import PublishSettings
from stentor.wire import message
from stentor.wire.consumer import NO_IMAGES, Await, Credit, Leave, Register, Registered, Unknown


def outgoing(counter: int, *, size: int = 10, received_ns: int | None = None) -> Outgoing:
    header = message.EventHeader(epoch="e", counter=counter, kind="test", text="x" * size, wall_ns=0)
    made = Outgoing.event(counter, header)
    made.received_ns = received_ns
    return made


def result_at(counter: int, t: int) -> Outgoing:
    """A result of time point `t`."""
    made = outgoing(counter)
    made.frame = FrameHeader(
        frame_id=FrameId("camera", "r", counter), shape_yx=(2, 2), dtype="uint16", received_ns=0, clock_id="c",
        axes={"t": t}, t=t,
    )  # fmt: skip
    return made


def result_of(side: int) -> Outgoing:
    """A result with a camera image, a label image of one square and a stain."""
    labels = np.zeros((side, side), np.int32)
    labels[side // 4 : side // 2, side // 4 : side // 2] = 7
    pixels = np.full((side, side), 9, np.uint16)

    def make_header(**variant: Any) -> message.ResultHeader:
        frame = FrameHeader(
            frame_id=FrameId("camera", "r", 0), shape_yx=(side, side), dtype="uint16", received_ns=0, clock_id="c"
        )
        return message.ResultHeader(
            epoch="e", counter=0, frame=frame, outcome="result", times=DoorTimes(), stage_ms={}, models={}, **variant
        )

    return Outgoing(
        0, make_header, {"labels": Labels(labels), "stain": Image(pixels * 0.5), message.FRAME: Image(pixels, "counts")}
    )


class Consumers:
    """Outlets with a socket that takes everything."""

    def __init__(self, folder: Path, **settings: float) -> None:
        self.clock = FakeClock()
        self.outlets = Outlets(PublishSettings(**settings), self.clock, epoch="e", folder=folder)  # type: ignore[arg-type]
        self.received: dict[bytes, list[int]] = {}

    def register(self, name: str, **options: object) -> object:
        return self.outlets.heed(name.encode(), Register(name=name, **options))  # type: ignore[arg-type]

    def offer(self, counter: int, **options: int) -> None:
        self.outlets.offer(outgoing(counter, **options), is_event=False)
        self.send_due()

    def send_due(self) -> None:
        for identity, outlet in self.outlets.due():
            while (parts := outlet.next_message()) is not None:
                header, _ = message.decode(parts)
                self.received.setdefault(identity, []).append(header.counter)
                outlet.sent()

    def credit(self, name: str, acknowledged: int = -1) -> None:
        self.outlets.heed(name.encode(), Credit(acknowledged))
        self.send_due()


@pytest.fixture
def consumers(tmp_path: Path) -> Iterator[Consumers]:
    made = Consumers(tmp_path)
    yield made
    made.outlets.close()


def test_a_slow_control_consumer_sees_the_newest_and_its_losses_are_counted(consumers: Consumers) -> None:
    consumers.register("viewer", delivery="control")

    for counter in range(5):
        consumers.offer(counter)
    consumers.credit("viewer")

    assert consumers.received[b"viewer"] == [0, 4]
    (status,) = consumers.outlets.status()
    assert (status.seen, status.sent, status.dropped) == (5, 2, 3)


def test_asking_twice_for_more_is_harmless(consumers: Consumers) -> None:
    consumers.register("viewer", delivery="control")
    consumers.credit("viewer")
    consumers.credit("viewer")

    for counter in range(3):
        consumers.offer(counter)

    assert consumers.received[b"viewer"] == [0]


def test_a_control_consumer_is_not_sent_what_is_too_old(consumers: Consumers) -> None:
    consumers.register("controller", delivery="control", deadline_ms=50.0)
    consumers.clock.advance(ms=100)

    consumers.offer(0, received_ns=0)
    consumers.offer(1, received_ns=consumers.clock.monotonic_ns())

    assert consumers.received[b"controller"] == [1]


def test_a_newcomer_is_given_the_newest_result_while_it_is_fresh(consumers: Consumers) -> None:
    consumers.offer(0, received_ns=consumers.clock.monotonic_ns())
    consumers.register("early", delivery="control")
    consumers.send_due()
    consumers.clock.advance(ms=5000)
    consumers.register("late", delivery="control")
    consumers.send_due()

    assert consumers.received == {b"early": [0]}


def test_a_newcomer_that_wants_images_waits_for_the_next_result(consumers: Consumers) -> None:
    result = result_of(64)
    result.received_ns = consumers.clock.monotonic_ns()
    consumers.outlets.offer(result, is_event=False)
    result.forget_findings()

    consumers.register("screen", delivery="view", images=("frame",))
    consumers.register("table", delivery="control")
    consumers.send_due()

    assert consumers.received == {b"table": [0]}


def test_a_viewer_gets_no_more_a_second_than_it_asked_for(consumers: Consumers) -> None:
    consumers.register("screen", delivery="view", max_rate_hz=10.0)

    for counter in range(10):
        consumers.offer(counter)
        consumers.credit("screen")
        consumers.clock.advance(ms=25)

    assert consumers.received[b"screen"] == [0, 4, 8]


def test_viewers_of_one_wish_share_one_encoded_message(consumers: Consumers) -> None:
    for name in ("left", "right"):
        consumers.register(name, delivery="view", images=("frame",), max_side_px=32)
    result = result_of(256)

    consumers.outlets.offer(result, is_event=False)

    first, second = (outlet.next_message() for _, outlet in consumers.outlets.due())
    assert first is second


def test_a_viewer_is_sent_small_images_of_the_names_it_gave(consumers: Consumers) -> None:
    consumers.register("screen", delivery="view", images=("frame", "labels"), max_side_px=100)
    result = result_of(256)

    consumers.outlets.offer(result, is_event=False)
    result.forget_findings()
    ((_, outlet),) = consumers.outlets.due()
    header, found = message.decode(outlet.next_message() or [])

    assert isinstance(header, message.ResultHeader)
    assert {part.finding: (part.shape, part.step) for part in header.parts} == {
        "frame": ((85, 85), 3),
        "labels": ((85, 85), 3),
    }
    assert header.withheld == ("stain",)
    assert isinstance(found["labels"], Labels) and set(np.unique(found["labels"].labels_yx)) == {0, 7}


def test_a_recorder_of_all_images_gets_those_of_the_plan_and_not_the_camera_s(consumers: Consumers) -> None:
    consumers.register("disk", delivery="record", images=True)

    consumers.outlets.offer(result_of(64), is_event=False)
    ((_, outlet),) = consumers.outlets.due()
    _, found = message.decode(outlet.next_message() or [])

    assert set(found) == {"labels", "stain"}


def test_a_recorder_gets_everything_in_order_as_it_acknowledges(consumers: Consumers) -> None:
    consumers.register("disk", delivery="record", credit=2)

    for counter in range(6):
        consumers.offer(counter)
    assert consumers.received[b"disk"] == [0, 1]
    for counter in range(6):
        consumers.credit("disk", counter)

    assert consumers.received[b"disk"] == [0, 1, 2, 3, 4, 5]
    assert consumers.outlets.is_settled()


def test_a_recorder_that_returns_is_sent_what_it_had_not_processed(consumers: Consumers) -> None:
    consumers.register("disk", delivery="record", credit=8)
    for counter in range(5):
        consumers.offer(counter)
    consumers.credit("disk", 1)

    answer = consumers.outlets.heed(
        b"disk-again", Register(name="disk", delivery="record", credit=8, epoch="e", resume_after=1)
    )
    consumers.send_due()

    assert answer == Registered("e", 1)
    assert consumers.received[b"disk-again"] == [2, 3, 4]


def test_a_recorder_of_another_daemon_start_begins_anew(consumers: Consumers) -> None:
    consumers.offer(0)

    answer = consumers.register("disk", delivery="record", epoch="older", resume_after=99)
    consumers.offer(1)

    assert answer == Registered("e", 0)
    assert consumers.received[b"disk"] == [1]


def test_what_piles_up_spills_to_disk_and_comes_back_whole(tmp_path: Path) -> None:
    consumers = Consumers(tmp_path, spool_memory_mb=0.01)
    consumers.register("disk", delivery="record", credit=1)

    for counter in range(50):
        consumers.offer(counter, size=1000)
    assert consumers.outlets._spools[NO_IMAGES].bytes_on_disk > 30_000
    for counter in range(50):
        consumers.credit("disk", counter)

    assert consumers.received[b"disk"] == list(range(50))
    assert consumers.outlets._spools[NO_IMAGES].bytes_on_disk == 0
    consumers.outlets.close()


def test_the_recorder_furthest_behind_is_cut_off_when_the_spool_is_full(tmp_path: Path) -> None:
    consumers = Consumers(tmp_path, spool_memory_mb=0.01, spool_disk_mb=0.02)
    consumers.register("slow", delivery="record", credit=1)
    consumers.register("quick", delivery="record", credit=256)

    cut = []
    for counter in range(60):
        consumers.offer(counter, size=1000)
        consumers.credit("quick", counter)
        cut += consumers.outlets.overflowing()

    assert [identity for identity, _ in cut] == [b"slow"]
    assert "spool_disk_mb" in cut[0][1].reason
    assert consumers.received[b"quick"] == list(range(60))
    consumers.outlets.close()


def test_a_stranger_is_asked_to_register(consumers: Consumers) -> None:
    assert consumers.outlets.heed(b"who", Credit()) == Unknown()


def test_a_consumer_that_leaves_is_forgotten(consumers: Consumers) -> None:
    consumers.register("viewer", delivery="control")

    consumers.outlets.heed(b"viewer", Leave())

    assert consumers.outlets.names == frozenset()


def test_acknowledging_what_was_never_sent_is_ignored(consumers: Consumers) -> None:
    consumers.register("disk", delivery="record", credit=1)
    consumers.offer(0)
    consumers.offer(1)

    consumers.credit("disk", 999)

    assert consumers.received[b"disk"] == [0]


def test_a_result_that_is_waited_for_is_not_replaced_by_newer_ones(consumers: Consumers) -> None:
    consumers.register("script", delivery="control")
    consumers.outlets.offer(result_at(0, t=0), is_event=False)
    consumers.send_due()  # the credit is spent
    consumers.outlets.heed(b"script", Await({"t": 2}, 5.0))

    for counter in range(1, 6):
        consumers.outlets.offer(result_at(counter, t=counter), is_event=False)
        consumers.send_due()
    consumers.credit("script")
    consumers.credit("script")

    assert consumers.received[b"script"] == [0, 2, 5]
