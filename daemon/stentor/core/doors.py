"""Doors: the stations a frame passes, each stamped, so that every result can tell its time."""

import msgspec

from stentor.core.clock import NS_PER_MS

DOORS = ("received", "tapped", "dequeued", "model_start", "model_end", "post", "published")


class DoorTimes(msgspec.Struct, frozen=True):
    """Monotonic stamps in nanoseconds, all of one clock; None: the frame did not pass that door.

    `received`: the image reached the producer. `tapped`: its pixels were in the ring. `dequeued`: the pipeline
    took it. `model_start`, `model_end`: around the first to the last model. `post`: the plan was done.
    `published`: the result was handed to the consumers.
    """

    received: int | None = None
    tapped: int | None = None
    dequeued: int | None = None
    model_start: int | None = None
    model_end: int | None = None
    post: int | None = None
    published: int | None = None

    def since_received_ms(self) -> dict[str, float]:
        """Return, for every later door that was passed, the milliseconds since `received`.

        >>> DoorTimes(received=1_000_000, published=3_500_000).since_received_ms()
        {'published': 2.5}
        """
        if self.received is None:
            return {}
        return {
            door: (stamp - self.received) / NS_PER_MS
            for door in DOORS[1:]
            if (stamp := getattr(self, door)) is not None
        }
