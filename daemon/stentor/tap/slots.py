"""Slots: the ring a tap copies into, and room for a few images while a larger ring is being made."""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.wire.ring import RingWriter, SlotRef

MOST_HELD: Final = 8


class Slots:
    """`keep` under the feed's lock, on a host's thread; `make` and `place` on the feed's thread, without the lock.

    Making a ring means touching all its pages, up to a second at 2048 x 2048: never on a host's thread. Until it is
    there images are copied into memory of their own, at most `MOST_HELD`.
    """

    def __init__(self, n_slots: int, lock: threading.Lock) -> None:
        self._n_slots = n_slots
        self._lock = lock
        self._rings: list[RingWriter] = []
        self._held = 0

    def keep(self, pixels: NDArray[Any]) -> SlotRef | NDArray[Any] | None:
        """Copy an image, once; None: there is no room."""
        if self._rings and self._rings[-1].fits(pixels.nbytes):
            return self._rings[-1].put(pixels)
        if self._held >= MOST_HELD:
            return None
        self._held += 1
        return pixels.copy()

    def make(self, frame_bytes: int) -> None:
        """Have a ring for such frames. Raises SourceError if the memory disk has no room."""
        if self._rings and self._rings[-1].fits(frame_bytes):
            return
        ring = RingWriter(frame_bytes, self._n_slots)
        with self._lock:
            self._rings.append(ring)
            while len(self._rings) > 2:  # descriptors of the one before may still be on their way
                self._rings.pop(0).close()

    def place(self, kept: SlotRef | NDArray[Any]) -> SlotRef:
        """Return where the pixels are, now in a ring at any rate. Raises SourceError as `make` does."""
        if isinstance(kept, SlotRef):
            return kept
        try:
            self.make(kept.nbytes)
        finally:
            with self._lock:
                self._held = max(0, self._held - 1)
        with self._lock:
            return self._rings[-1].put(np.asarray(kept))

    def close(self) -> None:
        """Take the rings away; may be called twice."""
        while self._rings:
            self._rings.pop().close()
