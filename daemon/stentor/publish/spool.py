"""Spool: messages that record consumers have not acknowledged yet, in memory first and on disk when they pile up."""

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import IO

import msgspec

from stentor.core.errors import RecordError

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


class Spool:
    """Keeps messages by counter until released; used by one thread.

    Parameters
    ----------
    memory_bytes
        Beyond this the oldest go to a temporary file in `folder`.
    disk_bytes
        Beyond this `is_full` turns true, and whoever is furthest behind must be cut off.
    """

    def __init__(self, folder: Path, *, memory_bytes: int, disk_bytes: int) -> None:
        self._folder = folder
        self._memory_limit = memory_bytes
        self._disk_limit = disk_bytes
        self._in_memory: OrderedDict[int, list[bytes]] = OrderedDict()
        self._on_disk: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._memory_bytes = 0
        self._file: IO[bytes] | None = None
        self._file_end = 0

    @property
    def is_full(self) -> bool:
        """Whether the disk share is used up."""
        return self._file_end > self._disk_limit

    @property
    def bytes_on_disk(self) -> int:
        """Size of the spill file."""
        return self._file_end

    def add(self, counter: int, parts: list[bytes]) -> None:
        """Keep a message.

        Raises
        ------
        RecordError
            If memory is full and the disk refuses; the message is kept in memory all the same.
        """
        self._in_memory[counter] = parts
        self._memory_bytes += _size(parts)
        while self._memory_bytes > self._memory_limit and len(self._in_memory) > 1:
            self._spill_oldest()

    def get(self, counter: int) -> list[bytes] | None:
        """Return a kept message; None: never kept, or released."""
        if counter in self._in_memory:
            return self._in_memory[counter]
        if counter not in self._on_disk or self._file is None:
            return None
        offset, length = self._on_disk[counter]
        self._file.seek(offset)
        return _decode(self._file.read(length))

    def first_after(self, counter: int) -> int | None:
        """Return the lowest kept counter above `counter`; None: there is none."""
        for kept in (self._on_disk, self._in_memory):
            if kept and next(reversed(kept)) > counter:
                if counter + 1 in kept:
                    return counter + 1
                return next(key for key in kept if key > counter)
        return None

    def release(self, up_to: int) -> None:
        """Forget all messages up to and including `up_to`."""
        while self._on_disk and next(iter(self._on_disk)) <= up_to:
            self._on_disk.popitem(last=False)
        if not self._on_disk and self._file is not None:
            self._file.close()
            self._file, self._file_end = None, 0
        while self._in_memory and next(iter(self._in_memory)) <= up_to:
            _, parts = self._in_memory.popitem(last=False)
            self._memory_bytes -= _size(parts)

    def close(self) -> None:
        """Forget everything; may be called twice."""
        self._on_disk.clear()
        self._in_memory.clear()
        self._memory_bytes = 0
        self.release(-1)

    def _spill_oldest(self) -> None:
        counter, parts = next(iter(self._in_memory.items()))
        raw = _encode(parts)
        try:
            if self._file is None:
                # Without a name: the system takes it away even after kill -9.
                self._file = tempfile.TemporaryFile(dir=self._folder, prefix="spool-")  # noqa: SIM115
            self._file.seek(self._file_end)
            self._file.write(raw)
            self._file.flush()
        except OSError as err:
            raise RecordError(
                f"{self._folder}: results that a record consumer has not taken yet cannot be spilled: {err.strerror}; "
                "free the disk, or end the consumer that is behind"
            ) from err
        self._on_disk[counter] = (self._file_end, len(raw))
        self._file_end += len(raw)
        del self._in_memory[counter]
        self._memory_bytes -= _size(parts)


def _size(parts: list[bytes]) -> int:
    return sum(len(part) for part in parts)
