"""Command: requests to a running daemon, and its status in words and numbers."""

from typing import Final, Literal

import msgspec

from stentor.core.latency import Percentiles
from stentor.core.outcome import OutcomeCounts
from stentor.core.stage import ModelIdentity


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request; two with the same `id` are done once and answered twice.

    `status` changes nothing. `pause` and `resume` concern the analysis, never the camera. `stop-daemon` ends the
    daemon and leaves the acquisition running; `stop` asks the scope to end its acquisition, too.
    """

    id: str
    verb: Literal["status", "pause", "resume", "stop", "stop-daemon"]


class ConsumerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One registered consumer: messages offered to, sent to, and withheld from it; `waiting` are unacknowledged."""

    name: str
    delivery: str
    seen: int
    sent: int
    dropped: int
    waiting: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon at one moment.

    `rate_hz` is the rate of results over the last seconds; None before there are two. `faults` are sentences about
    what is wrong now. `counters` are the small counts such as ignored messages.
    """

    name: str
    pid: int
    state: Literal["starting", "waiting", "running", "paused", "stopping"]
    uptime_s: float
    outcomes: OutcomeCounts
    rate_hz: float | None
    latency_ms: dict[str, Percentiles]
    stage_ms: dict[str, Percentiles]
    models: dict[str, ModelIdentity]
    consumers: tuple[ConsumerStatus, ...]
    quarantined: tuple[str, ...]
    producers: tuple[str, ...]
    faults: tuple[str, ...]
    counters: dict[str, int]
    ledger_file: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a command: whether it was done, in words, and the status afterwards."""

    id: str
    is_done: bool
    text: str
    status: Status


encode: Final = msgspec.msgpack.Encoder().encode
decode_command: Final = msgspec.msgpack.Decoder(Command).decode
decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
