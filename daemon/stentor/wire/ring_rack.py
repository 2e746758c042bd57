"""Ring rack: the rings of one producer, a larger one whenever its frames grow."""

from typing import Any, Final

from numpy.typing import NDArray

from stentor.wire.ring import RingWriter, SlotRef

KEPT: Final = 2
"""Descriptors of the ring before the newest may still be on their way."""


class RingRack:
    """Guarded by the producer's lock; `close` may be called twice."""

    def __init__(self, n_slots: int) -> None:
        self._n_slots = n_slots
        self._rings: list[RingWriter] = []

    def fits(self, frame_bytes: int) -> bool:
        """Tell whether such a frame needs no new ring."""
        return bool(self._rings) and self._rings[-1].fits(frame_bytes)

    def put(self, pixels: NDArray[Any]) -> SlotRef:
        """Copy one plane into the oldest slot, of a new ring if there is no other way.

        Raises
        ------
        SourceError
            If the memory disk has no room for one.
        """
        if not self.fits(pixels.nbytes):
            self._rings.append(RingWriter(pixels.nbytes, self._n_slots))
            while len(self._rings) > KEPT:
                self._rings.pop(0).close()
        return self._rings[-1].put(pixels)

    def close(self) -> None:
        """Take all rings away."""
        while self._rings:
            self._rings.pop().close()
