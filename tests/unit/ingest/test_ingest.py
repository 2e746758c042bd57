"""Ingest and producer, over real sockets and a real ring on the loopback address."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from msgspec import structs

from stentor import __version__
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.mailbox import Mailbox, Policy
from stentor.core.outcome import OutcomeCounts, Result
from stentor.core.stage import FrameSpec
from stentor.ingest.arrival import Arrived
from stentor.ingest.ingest import Ingest
from stentor.ingest.pool import FramePool
from stentor.record.ledger import Ledger
from stentor.wire import link, platforms, rendezvous, ring, sockets
from stentor.wire.platforms import system_clock
from stentor.wire.producer import FrameProducer

SPEC = FrameSpec((32, 32))


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    nothing = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        nothing.wait(0.005)


class Front:
    """A front door with its rendezvous, whose frames are closed as results at once when told to."""

    def __init__(self, path: Path, *, depth: int = 1000) -> None:
        self.sockets = sockets.Sockets()
        self.ledger = Ledger(path, system_clock())
        self.mailbox: Mailbox[Arrived] = Mailbox(Policy.LATEST, depth=depth)
        self.token = rendezvous.new_token()
        self.ingest = Ingest(
            self.sockets,
            self.ledger,
            self.mailbox,
            FramePool(),
            token=self.token,
            wants=lambda header: header.channel != "unwanted",
            is_awaited=lambda header: header.axes.get("time") == 7,
        )
        self.ingest.start()
        endpoint = self.ingest.endpoint
        birth = platforms.process_birth(os.getpid()) or 0
        rendezvous.announce(
            rendezvous.Rendezvous("rig", os.getpid(), birth, 0, self.token, rendezvous.Endpoints(endpoint, "", "", ""))
        )
        self.ingest.welcome()

    def close_all_as_results(self) -> list[int]:
        closed = []
        while (arrived := self.mailbox.take(0)) is not None:
            closed.append((arrived.frame.header.sequence, int(arrived.frame.pixels[0, 0])))
            self.ledger.close(arrived.frame.frame_id, Result())
        assert all(sequence == value for sequence, value in closed)
        return [sequence for sequence, _ in closed]

    def vanish(self) -> None:
        """End as a killed daemon does: without a word to the producer."""
        rendezvous.withdraw("rig", os.getpid())
        self.ingest.stop()
        self.ledger.stop()
        self.sockets.close()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(tmp_path / "run"))
    memory = tmp_path / "shm"
    memory.mkdir()
    monkeypatch.setattr(platforms, "shared_memory_dir", lambda: memory)


@pytest.fixture
def producer() -> Iterator[FrameProducer]:
    made = FrameProducer("rig", "camera", source="test", spec=SPEC, clock=system_clock(), ring_slots=64)
    yield made
    made.close(0.2)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    made = Front(tmp_path / "ledger.sqlite")
    yield made
    made.vanish()


def give(producer: FrameProducer, n: int, **header: object) -> None:
    for _ in range(n):
        frame_id = producer.next_id()
        pixels = np.full((32, 32), frame_id.sequence, np.uint16)
        producer.hand_over(header_of(frame_id, **header), pixels)


def header_of(frame_id: FrameId, **more: object) -> FrameHeader:
    facts: dict[str, object] = {"shape_yx": (32, 32), "dtype": "uint16", "received_ns": 1, "clock_id": "c", **more}
    return FrameHeader(frame_id=frame_id, **facts)  # type: ignore[arg-type]


def test_frames_arrive_in_order_with_their_own_pixels(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()

    give(producer, 20)

    wait_until(lambda: len(front.mailbox) == 20)
    assert front.close_all_as_results() == list(range(20))
    producer.end_run()
    assert producer.close()
    assert front.ledger.counts() == OutcomeCounts(seen=20, result=20)


def test_a_run_is_closed_only_when_its_frames_are(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()
    give(producer, 3)
    wait_until(lambda: len(front.mailbox) == 3)

    assert not producer.close(0.3)
    front.close_all_as_results()


def test_frames_before_there_is_a_daemon_are_accounted_for(tmp_path: Path, producer: FrameProducer) -> None:
    producer.begin_run()
    give(producer, 5)
    wait_until(lambda: not producer._queue)

    front = Front(tmp_path / "ledger.sqlite")
    assert producer.ready.wait(5)
    give(producer, 2)
    wait_until(lambda: len(front.mailbox) == 2)

    assert front.close_all_as_results() == [5, 6]
    producer.end_run()
    assert producer.close()
    assert front.ledger.counts() == OutcomeCounts(seen=7, result=2, dropped=5)
    front.vanish()


def test_a_daemon_that_dies_and_returns_finds_the_same_run_and_the_loss(
    tmp_path: Path, producer: FrameProducer
) -> None:
    first = Front(tmp_path / "ledger.sqlite")
    assert producer.ready.wait(5)
    run = producer.begin_run()
    give(producer, 4)
    wait_until(lambda: len(first.mailbox) == 4)
    first.vanish()  # four frames seen and never closed
    wait_until(lambda: not producer.ready.is_set())
    give(producer, 6)
    wait_until(lambda: not producer._queue)

    second = Front(tmp_path / "ledger.sqlite")
    assert producer.ready.wait(5)
    give(producer, 3)
    wait_until(lambda: len(second.mailbox) == 3)

    assert second.close_all_as_results() == [10, 11, 12]
    producer.end_run()
    assert producer.close()
    assert second.ledger.counts() == OutcomeCounts(seen=13, result=3, dropped=6, failed=4)
    assert list(second.ledger._runs) == [run]
    second.vanish()


def test_a_frame_of_a_wrong_kind_is_failed_with_the_remedy(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()

    for pixels in (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float64), np.zeros((0, 8), np.uint8)):
        producer.hand_over(header_of(producer.next_id()), pixels)

    wait_until(lambda: front.ledger.counts().failed == 3)
    reasons = [row.detail or "" for row in front.ledger._frames.values()]
    assert any("split the colours" in reason for reason in reasons)
    assert any("convert them to uint8" in reason for reason in reasons)


def test_an_account_does_not_write_off_a_frame_that_is_just_being_handed_over(
    tmp_path: Path, producer: FrameProducer
) -> None:
    producer.begin_run()
    frame_id = producer.next_id()

    front = Front(tmp_path / "ledger.sqlite")  # the producer introduces itself, with an account of the run
    assert producer.ready.wait(5)
    producer.hand_over(header_of(frame_id), np.zeros((32, 32), np.uint16))

    wait_until(lambda: len(front.mailbox) == 1)
    front.vanish()


def test_an_image_that_was_named_and_never_handed_over_is_failed(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()
    producer.next_id()

    producer.end_run()

    assert producer.close()
    assert front.ledger.counts() == OutcomeCounts(seen=1, failed=1)


def test_frames_nobody_wants_are_unused(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()

    give(producer, 3, channel="unwanted")

    wait_until(lambda: front.ledger.counts() == OutcomeCounts(seen=3, unused=3))


def test_paused_frames_are_dropped_by_name(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()
    front.ingest.is_paused.set()

    give(producer, 3)

    wait_until(lambda: front.ledger.counts() == OutcomeCounts(seen=3, dropped=3))


def test_holes_in_the_cameras_numbering_are_not_seen_frames(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()

    for number in (0, 1, 5):
        give(producer, 1, camera_number=number)

    wait_until(lambda: front.ledger.counts().seen == 3)
    wait_until(lambda: any(type(row).__name__ == "GapRow" for row in front.ledger._rows) or front.ledger.flush())


def test_an_overwritten_frame_is_dropped_by_name(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    producer.begin_run()
    real_put = ring.RingWriter.put

    def put_and_overwrite(writer: ring.RingWriter, pixels: np.ndarray) -> ring.SlotRef:
        reference = real_put(writer, pixels)
        writer._sequences[reference.slot] += 2
        return reference

    ring.RingWriter.put = put_and_overwrite  # type: ignore[method-assign]
    try:
        give(producer, 2)
    finally:
        ring.RingWriter.put = real_put  # type: ignore[method-assign]

    wait_until(lambda: front.ledger.counts() == OutcomeCounts(seen=2, dropped=2))


def test_garbage_and_strangers_are_counted_and_ignored(front: Front, producer: FrameProducer) -> None:
    assert producer.ready.wait(5)
    context = zmq.Context()
    stranger = context.socket(zmq.DEALER)
    stranger.setsockopt(zmq.LINGER, 0)
    stranger.connect(front.ingest.endpoint)
    good = front.token.encode()
    for parts in (
        [b""],
        [b"wrong", b"x"],
        [good, b"\xc1"],
        [good, b""],
        [good, b"x", b"y"],
        [good, b"\x81\xa4type\xa1x"],
    ):
        stranger.send_multipart(parts)

    wait_until(lambda: front.ingest.health.ignored_messages == 6)
    producer.begin_run()
    give(producer, 1)
    wait_until(lambda: len(front.mailbox) == 1)
    stranger.close()
    context.term()


def test_a_producer_of_another_version_is_denied_with_the_remedy(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    from stentor.wire import attachment

    def introduce(*said: Any, **more: Any) -> link.Attach:
        return structs.replace(introduced(*said, **more), protocol=0)

    introduced = attachment.Attachment.introduce
    monkeypatch.setattr(attachment.Attachment, "introduce", introduce)
    producer = FrameProducer("rig", "camera", source="test", spec=SPEC, clock=system_clock())

    wait_until(lambda: producer.denied is not None)

    assert f"pip install 'stentor=={__version__}'" in (producer.denied or "")
    assert not producer.ready.is_set()
    producer.close(0.1)


def test_a_daemon_of_another_version_is_not_spoken_to(front: Front) -> None:
    found = rendezvous.find("rig")
    assert found is not None
    rendezvous.announce(structs.replace(found, protocol=9, version="9.1"))
    producer = FrameProducer("rig", "camera", source="test", spec=SPEC, clock=system_clock())

    wait_until(lambda: producer.denied is not None)

    assert "pip install 'stentor==9.1'" in (producer.denied or "")
    assert front.ingest.health.attached == 0
    producer.close(0.1)


def test_frames_named_while_the_connection_is_made_are_not_lost(front: Front, producer: FrameProducer) -> None:
    producer.begin_run()

    give(producer, 3)

    wait_until(lambda: len(front.mailbox) == 3)
    assert front.close_all_as_results() == [0, 1, 2]


def test_handing_over_never_waits_for_a_daemon_that_does_not_read(
    tmp_path: Path, producer: FrameProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = Front(tmp_path / "ledger.sqlite")
    assert producer.ready.wait(5)
    blocked = threading.Event()
    monkeypatch.setattr(front.ingest, "_heed", lambda identity, message: blocked.wait(20))
    producer.begin_run()

    give(producer, 2000)

    assert producer._current is not None and producer._current.next_sequence == 2000
    blocked.set()
    front.vanish()


@pytest.fixture
def patient() -> Iterator[FrameProducer]:
    made = FrameProducer(
        "rig", "camera", source="test", spec=SPEC, clock=system_clock(), ring_slots=4, is_lossless=True
    )
    yield made
    made.close(0.2)


def offer(producer: FrameProducer, n: int, side: int = 32) -> int:
    """Give at most `n` frames, each as soon as there is room; return how many found room."""
    for given in range(n):
        if not producer.wait_for_room(side * side * 2, 0.3):
            return given
        frame_id = producer.next_id()
        header = header_of(frame_id, shape_yx=(side, side))
        producer.hand_over(header, np.full((side, side), frame_id.sequence, np.uint16))
    return n


def test_a_lossless_producer_finds_room_only_for_as_many_frames_as_the_ring_holds(
    front: Front, patient: FrameProducer
) -> None:
    assert patient.ready.wait(5)
    patient.begin_run()

    assert offer(patient, 10) == 4
    wait_until(lambda: len(front.mailbox) == 4)
    assert front.close_all_as_results() == [0, 1, 2, 3]

    assert offer(patient, 2) == 2
    wait_until(lambda: len(front.mailbox) == 2)
    assert not patient.wait_until_settled(0.05)
    assert front.close_all_as_results() == [4, 5]
    assert patient.wait_until_settled(5)


def test_nothing_supersedes_a_lossless_frame(tmp_path: Path, patient: FrameProducer) -> None:
    front = Front(tmp_path / "ledger.sqlite", depth=1)
    assert patient.ready.wait(5)
    patient.begin_run()

    assert offer(patient, 4) == 4

    wait_until(lambda: len(front.mailbox) == 4)
    assert front.ledger.counts().dropped == 0
    front.vanish()


def test_a_paused_daemon_makes_a_lossless_producer_wait(front: Front, patient: FrameProducer) -> None:
    assert patient.ready.wait(5)
    patient.begin_run()
    front.ingest.is_paused.set()

    assert offer(patient, 10) == 4
    wait_until(lambda: len(front.mailbox) == 4)
    front.close_all_as_results()
    assert not patient.wait_for_room(32 * 32 * 2, 0.2)

    front.ingest.is_paused.clear()
    assert patient.wait_for_room(32 * 32 * 2, 5)
    assert front.ledger.counts() == OutcomeCounts(seen=4, result=4)


def test_a_larger_frame_waits_until_the_ring_before_it_is_empty(front: Front, patient: FrameProducer) -> None:
    assert patient.ready.wait(5)
    patient.begin_run()
    assert offer(patient, 2) == 2
    wait_until(lambda: len(front.mailbox) == 2)

    assert offer(patient, 1, side=64) == 0
    front.close_all_as_results()

    assert offer(patient, 1, side=64) == 1


def test_a_lossless_producer_outlives_the_daemon_and_loses_only_what_that_one_had(
    tmp_path: Path, patient: FrameProducer
) -> None:
    first = Front(tmp_path / "ledger.sqlite")
    assert patient.ready.wait(5)
    patient.begin_run()
    assert offer(patient, 3) == 3
    wait_until(lambda: len(first.mailbox) == 3)
    first.vanish()
    wait_until(lambda: not patient.ready.is_set())
    assert offer(patient, 1) == 0

    second = Front(tmp_path / "ledger.sqlite")
    assert patient.ready.wait(5)
    assert offer(patient, 4) == 4
    wait_until(lambda: len(second.mailbox) == 4)

    assert second.close_all_as_results() == [3, 4, 5, 6]
    patient.end_run()
    assert patient.close()
    assert second.ledger.counts() == OutcomeCounts(seen=7, result=4, failed=3)
    second.vanish()


def test_a_lossless_frame_that_finds_no_daemon_waits_for_one(tmp_path: Path, patient: FrameProducer) -> None:
    patient.begin_run()
    give(patient, 2)
    assert not patient.ready.wait(0.2)  # time enough to be lost

    front = Front(tmp_path / "ledger.sqlite")

    wait_until(lambda: len(front.mailbox) == 2)
    assert front.close_all_as_results() == [0, 1]
    front.vanish()


def test_a_frame_that_is_waited_for_or_was_asked_for_is_not_dropped_for_a_newer_one(
    tmp_path: Path, producer: FrameProducer
) -> None:
    front = Front(tmp_path / "ledger.sqlite", depth=1)
    assert producer.ready.wait(5)
    producer.begin_run()

    give(producer, 1, axes={"time": 6})
    give(producer, 1, axes={"time": 7})
    give(producer, 1, axes={"asked": 0})
    give(producer, 2, axes={"time": 8})
    wait_until(lambda: front.ledger.counts().seen == 5)

    assert front.close_all_as_results() == [1, 2, 4]
    front.vanish()
