"""Link: the messages between a producer of frames and the daemon, both ways.

Every message from the producer is two parts, the token and one msgpack object; the daemon answers with one part.
"""

from typing import Final

import msgspec

from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.wire.ring import SlotRef


class RunAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What a producer knows of one run; idempotent, so it may be told again after every restart of the daemon.

    Attributes
    ----------
    sent_below
        Every sequence below this number has either been sent or stands in `unsent`.
    expected
        Number of frames asked of the microscope; None: open-ended.
    unsent
        Inclusive ranges that found no daemon.
    ended
        How the run ended: "completed", "aborted" or "failed: reason"; None: it goes on.
    """

    stream: str
    run: str
    started_wall_ns: int
    clock_id: str
    sent_below: int = 0
    expected: int | None = None
    unsent: tuple[tuple[int, int], ...] = ()
    ended: str | None = None


class Attach(msgspec.Struct, frozen=True, kw_only=True, tag="attach"):
    """First message on a connection: who produces, what frames will look like, and the runs not yet closed.

    A lossless producer waits for the daemon: none of its frames may be superseded, and it is told `RunLevel`.
    """

    stream: str
    pid: int
    source: str
    spec: FrameSpec
    protocol: int
    runs: tuple[RunAccount, ...] = ()
    is_lossless: bool = False


class RunNews(msgspec.Struct, frozen=True, tag="run"):
    """A run began or ended."""

    account: RunAccount


class Descriptor(msgspec.Struct, frozen=True, tag="frame"):
    """One frame: its header, where its pixels lie, and when they were there; `unsent` are ranges not yet told."""

    header: FrameHeader
    pixels: SlotRef
    tapped_ns: int
    unsent: tuple[tuple[int, int], ...] = ()

    @property
    def frame_id(self) -> FrameId:
        """Its frame's name."""
        return self.header.frame_id


class Refusal(msgspec.Struct, frozen=True, tag="refused"):
    """A frame exists but cannot be handed over, such as an RGB image; `reason` names the remedy."""

    frame_id: FrameId
    reason: str


ToDaemon = Attach | RunNews | Descriptor | Refusal


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The plan is warm and every awaited consumer is there: frames are welcome."""


class Denied(msgspec.Struct, frozen=True, tag="denied"):
    """The daemon will not take frames from this producer, and says why."""

    reason: str


class RunClosed(msgspec.Struct, frozen=True, tag="closed"):
    """The ledger has closed this run; its account need not be told again."""

    run: str


class RunLevel(msgspec.Struct, frozen=True, tag="level"):
    """How many frames of a lossless producer's run are settled: closed, or kept in a group that is not yet whole.

    A level, not a sum: the newest one counts, and telling it again is harmless.
    """

    run: str
    settled: int


class StopAcquisition(msgspec.Struct, frozen=True, tag="stop"):
    """An operator asked for the end of the acquisition."""


ToProducer = Ready | Denied | RunClosed | RunLevel | StopAcquisition

encode: Final = msgspec.msgpack.Encoder().encode
decode_to_daemon: Final = msgspec.msgpack.Decoder(ToDaemon).decode
decode_to_producer: Final = msgspec.msgpack.Decoder(ToProducer).decode
