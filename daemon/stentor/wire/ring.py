"""Ring: hand frames to another process through shared memory; the writer never waits, the reader is never fooled.

The writer owns a plain file in a memory-backed folder and keeps it locked while it lives: the lock is the registry,
the system frees it on kill -9, and whoever starts next sweeps the files whose lock can be taken. Each slot begins
with an 8-byte sequence, odd while the slot is being written, even and unique when it is whole. A descriptor names
the sequence it expects; the reader copies and looks again, so a torn or stale read cannot be accepted.

Relies on the store order of x86 (docs/decisions/0003); not multiprocessing.SharedMemory, whose tracker deletes the
writer's live segment when a reader exits.
"""

import itertools
import mmap
import os
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import SourceError
from stentor.wire import platforms

PAGE_BYTES: Final = 4096
PREFIX: Final = "stentor-ring-"
ABANDONED_AFTER_S: Final = 10.0

_counter = itertools.count()


class SlotRef(msgspec.Struct, frozen=True):
    """Where a frame's pixels lie: ring file name, slot, and the sequence that says they are still these pixels."""

    ring: str
    slot: int
    sequence: int
    n_slots: int
    slot_bytes: int


class RingWriter:
    """Made and used by the producer of frames, under the producer's lock; `close` may be called twice.

    Parameters
    ----------
    frame_bytes
        Size of the largest frame.
    n_slots
        Frames kept before the oldest is overwritten.

    Raises
    ------
    SourceError
        If the memory disk has no room.
    """

    def __init__(self, frame_bytes: int, n_slots: int, folder: Path | None = None) -> None:
        folder = folder or platforms.shared_memory_dir()
        self.n_slots = n_slots
        self.slot_bytes = PAGE_BYTES + _whole_pages(frame_bytes)
        self.name = f"{PREFIX}{os.getpid()}-{next(_counter)}-{time.monotonic_ns():x}"
        self._path = folder / self.name
        self._descriptor = self._create(folder, n_slots * self.slot_bytes)
        self._map = mmap.mmap(self._descriptor, n_slots * self.slot_bytes)
        self._slots = np.frombuffer(self._map, np.uint8).reshape(n_slots, self.slot_bytes)
        self._slots[:, ::PAGE_BYTES] = 0  # touch every page now: a page fault in a frame costs tens of milliseconds
        self._sequences = self._slots[:, :8].view(np.uint64)[:, 0]
        self._written = 0

    def put(self, pixels: NDArray[Any]) -> SlotRef:
        """Copy one plane into the oldest slot. Never waits."""
        slot = self._written % self.n_slots
        whole = 2 * (self._written + 1)
        self._written += 1
        flat = np.ascontiguousarray(pixels).view(np.uint8).reshape(-1)
        self._sequences[slot] = whole - 1
        self._slots[slot, PAGE_BYTES : PAGE_BYTES + flat.size] = flat
        self._sequences[slot] = whole
        return SlotRef(self.name, slot, whole, self.n_slots, self.slot_bytes)

    def fits(self, frame_bytes: int) -> bool:
        """Tell whether a frame of this size has room in a slot, in a file that readers can still open.

        Somebody may delete the file: systemd-logind does at logout, where `RemoveIPC` is on.
        """
        return frame_bytes <= self.slot_bytes - PAGE_BYTES and os.fstat(self._descriptor).st_nlink > 0

    def close(self) -> None:
        """Take the file away; readers that have it open keep their view."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        del self._sequences, self._slots  # the views must go before the map can
        self._map.close()
        os.close(self._descriptor)
        self._descriptor = -1

    def _create(self, folder: Path, nbytes: int) -> int:
        # Locked before it gets its final name, so that no sweep can take it for an abandoned one.
        unborn = self._path.with_suffix(".new")
        descriptor = os.open(unborn, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            platforms.try_lock(descriptor)
            platforms.reserve(descriptor, nbytes)
            unborn.rename(self._path)
        except OSError as err:
            os.close(descriptor)
            unborn.unlink(missing_ok=True)
            raise SourceError(
                f"no room for a frame ring of {nbytes / 1e6:.0f} MB in {folder}: {err.strerror}; "
                "free memory there or lower `source.ring_slots`"
            ) from err
        return descriptor


class RingReader:
    """Opens rings by name as descriptors mention them; used by one thread.

    Keeps the `keep` rings seen last, because a change of frame size opens a new one while descriptors of the old
    one are still on their way.
    """

    def __init__(self, folder: Path | None = None, *, keep: int = 4) -> None:
        self._folder = folder or platforms.shared_memory_dir()
        self._keep = keep
        self._open: dict[str, tuple[mmap.mmap, NDArray[np.uint8]]] = {}

    def copy(self, ref: SlotRef, target: NDArray[Any]) -> bool:
        """Copy the slot's pixels into `target`, contiguous, of the frame's shape and dtype.

        Returns False when the pixels are no longer there: overwritten, torn, or the ring is gone.
        """
        slots = self._slots(ref)
        if slots is None or not 0 <= ref.slot < len(slots) or target.nbytes > slots.shape[1] - PAGE_BYTES:
            return False
        slot = slots[ref.slot]
        sequence = slot[:8].view(np.uint64)
        if int(sequence[0]) != ref.sequence:
            return False
        np.copyto(target.reshape(-1).view(np.uint8), slot[PAGE_BYTES : PAGE_BYTES + target.nbytes])
        return int(sequence[0]) == ref.sequence

    def close(self) -> None:
        """Let go of all rings; may be called twice."""
        while self._open:
            self._forget(next(iter(self._open)))

    def _slots(self, ref: SlotRef) -> NDArray[np.uint8] | None:
        if ref.ring not in self._open:
            if not ref.ring.startswith(PREFIX) or Path(ref.ring).name != ref.ring:
                return None
            try:
                descriptor = os.open(self._folder / ref.ring, os.O_RDONLY)
            except OSError:
                return None
            try:
                if os.fstat(descriptor).st_size != ref.n_slots * ref.slot_bytes or ref.slot_bytes < PAGE_BYTES:
                    return None
                view = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
            finally:
                os.close(descriptor)
            self._open[ref.ring] = (view, np.frombuffer(view, np.uint8).reshape(ref.n_slots, ref.slot_bytes))
            while len(self._open) > self._keep:
                self._forget(next(iter(self._open)))
        return self._open[ref.ring][1]

    def _forget(self, name: str) -> None:
        view, slots = self._open.pop(name)
        del slots
        view.close()


def sweep(folder: Path | None = None) -> list[str]:
    """Delete the rings whose writers are dead and return their names; called at every start and end."""
    swept = []
    for path in (folder or platforms.shared_memory_dir()).glob(f"{PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            continue
        try:
            is_unborn = path.suffix == ".new" and time.time() - os.fstat(descriptor).st_mtime < ABANDONED_AFTER_S
            if not is_unborn and platforms.try_lock(descriptor):
                path.unlink(missing_ok=True)
                swept.append(path.name)
        finally:
            os.close(descriptor)
    return swept


def _whole_pages(nbytes: int) -> int:
    return -(-nbytes // PAGE_BYTES) * PAGE_BYTES
