"""Garbage: what comes over a socket or lies in a file is understood, or refused as its reader expects, nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.wire import command, consumer, link, platforms, rendezvous
from stentor.wire.ring import PREFIX, RingReader, SlotRef

UNDERSTOOD_BY_THE_SOCKETS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
FRAME_ID: Final = FrameId("camera", "ab" * 16, 3)
HEADER: Final = FrameHeader(frame_id=FRAME_ID, shape_yx=(4, 4), dtype="uint16", received_ns=1, clock_id="c")
ACCOUNT: Final = link.RunAccount(stream="camera", run="ab" * 16, started_wall_ns=1, clock_id="c", unsent=((0, 3),))
SLOT: Final = SlotRef(PREFIX + "1", 0, 2, 4, 8192)
READERS: Final[dict[str, tuple[Callable[[bytes], Any], list[Any]]]] = {
    "frames": (
        link.decode_to_daemon,
        [
            link.Attach(stream="camera", pid=1, source="x", spec=FrameSpec((4, 4)), protocol=1, runs=(ACCOUNT,)),
            link.RunNews(ACCOUNT),
            link.Descriptor(HEADER, SLOT, 5, ((1, 2),)),
            link.Refusal(FRAME_ID, "why"),
        ],
    ),
    "producers": (link.decode_to_producer, [link.Ready(), link.Denied("why"), link.RunClosed("r")]),
    "results": (
        consumer.decode_from_consumer,
        [consumer.Register(name="n", delivery="view", images=("frame",)), consumer.Credit(4), consumer.Leave()],
    ),
    "consumers": (consumer.decode_to_consumer, [consumer.Registered("e", 3), consumer.Unknown(), consumer.CutOff("x")]),
    "commands": (command.decode_command, [command.Command(id="1", verb="status")]),
}


@pytest.mark.parametrize("reader", READERS)
@given(garbage=st.binary(max_size=400))
def test_random_bytes_are_refused_as_the_sockets_expect(reader: str, garbage: bytes) -> None:
    decode, _ = READERS[reader]

    try:
        decode(garbage)
    except UNDERSTOOD_BY_THE_SOCKETS:
        return


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data())
def test_a_damaged_message_is_refused_as_the_sockets_expect(reader: str, data: st.DataObject) -> None:
    decode, good = READERS[reader]
    raw = bytearray(link.encode(data.draw(st.sampled_from(good))))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    try:
        decode(bytes(raw[: data.draw(st.integers(1, len(raw)))]))
    except UNDERSTOOD_BY_THE_SOCKETS:
        return


@pytest.mark.parametrize("reader", READERS)
def test_deep_nesting_is_refused_as_the_sockets_expect(reader: str) -> None:
    decode, _ = READERS[reader]

    with pytest.raises(UNDERSTOOD_BY_THE_SOCKETS):
        decode(b"\x91" * 100_000 + b"\xc0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(max_size=40) | st.just(PREFIX + "real"), slot=st.integers(), sequence=st.integers(),
    n_slots=st.integers(), slot_bytes=st.integers(),
)  # fmt: skip
def test_no_descriptor_makes_the_reader_read_elsewhere(
    tmp_path: Path, name: str, slot: int, sequence: int, n_slots: int, slot_bytes: int
) -> None:
    (tmp_path / f"{PREFIX}real").write_bytes(bytes(4 * 8192))
    reader = RingReader(tmp_path)
    target = np.full((4, 4), 9, np.uint16)

    copied = reader.copy(SlotRef(name, slot, sequence, n_slots, slot_bytes), target)

    assert not copied or sequence == 0  # an empty slot has sequence 0
    reader.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(max_size=300))
def test_a_garbled_rendezvous_is_as_good_as_none(tmp_path: Path, garbage: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(tmp_path))
        rendezvous.path_of("rig").write_bytes(garbage)

        assert rendezvous.find("rig") is None
