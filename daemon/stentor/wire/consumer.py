"""Consumer: the messages between a registered consumer and the daemon's results socket.

From the consumer two parts, token and msgpack; from the daemon either one msgpack part (an answer) or a result or
event as in `message`.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from stentor.wire.message import FRAME

Delivery = Literal["control", "record", "view"]


class Wish(msgspec.Struct, frozen=True):
    """Which images a consumer wants, and how large; consumers of one wish share one encoded message.

    Attributes
    ----------
    images
        True: every label image and image that the plan computes. A tuple: those of these names, where "frame" is the
        camera's own. False: none; tables and scores come always.
    max_side_px
        Images are brought down to at most this many rows and columns; None: they keep their size.
    """

    images: bool | tuple[str, ...] = False
    max_side_px: int | None = None

    def includes(self, name: str) -> bool:
        """Tell whether an image of this name is wanted."""
        return name in self.images if isinstance(self.images, tuple) else self.images and name != FRAME


NO_IMAGES: Final = Wish()


class Register(msgspec.Struct, frozen=True, kw_only=True, tag="register"):
    """First message, and again after every silence; harmless to repeat.

    Attributes
    ----------
    name
        Names the consumer; a second one with the same name takes its place.
    delivery
        "control": newest wins, one at a time. "record": every message once and in order, until acknowledged.
        "view": newest wins, for eyes: images may be smaller and fewer than the frames.
    credit
        Messages that may be under way to this consumer, a level and not a sum.
    images, max_side_px
        As in `Wish`.
    deadline_ms
        A control or view consumer is not sent what is older; None: no limit.
    max_rate_hz
        A control or view consumer is offered no more results a second; None: all of them.
    epoch, resume_after
        Of a record consumer that has seen messages before: the daemon start and the last counter it processed.
    """

    name: str
    delivery: Delivery
    credit: int = 1
    images: bool | tuple[str, ...] = False
    max_side_px: Annotated[int, Meta(ge=16)] | None = None
    deadline_ms: float | None = None
    max_rate_hz: Annotated[float, Meta(gt=0)] | None = None
    epoch: str = ""
    resume_after: int = -1

    @property
    def wish(self) -> Wish:
        """The images wanted."""
        return Wish(self.images, self.max_side_px)


class Credit(msgspec.Struct, frozen=True, tag="credit"):
    """Ready for more; `acknowledged` is the last counter that a record consumer has processed (-1: none)."""

    acknowledged: int = -1


class Await(msgspec.Struct, frozen=True, tag="await"):
    """A frame is waited for: it is not to be dropped for a newer one, nor its result on the way to this consumer.

    Holds for the first frame that comes with these axes.

    Attributes
    ----------
    axes
        As the acquisition wrote them, or t, c, z, p and channel as derived from them.
    for_s
        Forget it after so long.
    """

    axes: dict[str, int | str]
    for_s: Annotated[float, Meta(gt=0, le=3600)]


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """Goodbye; what waits for this consumer may go."""


FromConsumer = Register | Credit | Await | Leave


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
