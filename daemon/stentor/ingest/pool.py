"""Pool: recycled, pre-touched pixel buffers, because fresh memory costs tens of milliseconds a frame."""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_KINDS: Final = 4


class FramePool:
    """Lends buffers of a shape and dtype and takes them back; any thread.

    At most `spare` buffers of a kind are kept, of the `MAX_KINDS` kinds asked for last, so that a microscope that
    changes its frame size all day does not grow the daemon.
    """

    def __init__(self, spare: int = 8) -> None:
        self._spare = spare
        self._lock = threading.Lock()
        self._free: dict[tuple[tuple[int, ...], str], list[NDArray[Any]]] = {}

    def lend(self, shape_yx: tuple[int, int], dtype: str) -> NDArray[Any]:
        """Return a writable buffer of shape (Y, X); its content is whatever was there."""
        key = (shape_yx, dtype)
        with self._lock:
            free = self._free.pop(key, [])
            self._free[key] = free  # asked for last stands last
            while len(self._free) > MAX_KINDS:
                del self._free[next(iter(self._free))]
            if free:
                return free.pop()
        buffer = np.empty(shape_yx, dtype)
        buffer.fill(0)
        return buffer

    def take_back(self, buffer: NDArray[Any]) -> None:
        """Accept a lent buffer; its frame must be closed."""
        key = (buffer.shape, buffer.dtype.name)
        with self._lock:
            free = self._free.get(key)
            if free is not None and len(free) < self._spare:
                buffer.flags.writeable = True
                free.append(buffer)
