"""Consumer: the messages between a registered consumer and the daemon's results socket.

From the consumer two parts, token and msgpack; from the daemon either one msgpack part (an answer) or a result or
event as in `message`.
"""

from typing import Final, Literal

import msgspec

Delivery = Literal["control", "record"]


class Register(msgspec.Struct, frozen=True, kw_only=True, tag="register"):
    """First message, and again after every silence; harmless to repeat.

    Attributes
    ----------
    name
        Names the consumer; a second one with the same name takes its place.
    delivery
        "control": newest wins, one at a time. "record": every message once and in order, until acknowledged.
    credit
        Messages that may be under way to this consumer, a level and not a sum.
    images
        Whether label images and image findings are wanted beside the tables.
    deadline_ms
        A control consumer is not sent what is older; None: no limit.
    epoch, resume_after
        Of a record consumer that has seen messages before: the daemon start and the last counter it processed.
    """

    name: str
    delivery: Delivery
    credit: int = 1
    images: bool = False
    deadline_ms: float | None = None
    epoch: str = ""
    resume_after: int = -1


class Credit(msgspec.Struct, frozen=True, tag="credit"):
    """Ready for more; `acknowledged` is the last counter that a record consumer has processed (-1: none)."""

    acknowledged: int = -1


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """Goodbye; what waits for this consumer may go."""


FromConsumer = Register | Credit | Leave


class Registered(msgspec.Struct, frozen=True, tag="registered"):
    """You are known; the next message of a record consumer is the one after `resumed_after`."""

    epoch: str
    resumed_after: int


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """Who are you? Register first."""


class CutOff(msgspec.Struct, frozen=True, tag="cut-off"):
    """No more messages, and why."""

    reason: str


ToConsumer = Registered | Unknown | CutOff

encode: Final = msgspec.msgpack.Encoder().encode
decode_from_consumer: Final = msgspec.msgpack.Decoder(FromConsumer).decode
decode_to_consumer: Final = msgspec.msgpack.Decoder(ToConsumer).decode
