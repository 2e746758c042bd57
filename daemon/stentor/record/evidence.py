"""Evidence: the results that one controller saw, in order and as it saw them, so that its decisions can be repeated."""

import contextlib
import logging
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stentor.core.errors import RecordError

logger = logging.getLogger(__name__)

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS evidence (number INTEGER PRIMARY KEY, message BLOB NOT NULL)"
_LEVEL: Final = 1
"""Of zlib: a table of 100 objects is 14 kB, packed 9 kB; labels of 512 x 512 are 1 MB, packed 30 kB in 4 ms."""

_CUT_OFF: Final = 1
"""Mark in the file (its `user_version`) of evidence that has an end: what comes after a hole would be no evidence."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[bytes]).decode


def evidence_file(folder: Path, controller: str) -> Path:
    """Return where the evidence of a controller lies in the folder of its session."""
    return folder / f"evidence-{controller}.sqlite"


class EvidenceLog:
    """Written by one thread, message by message, safe against kill -9.

    Full or broken it says so once and stays silent, also when its process is started again.

    Parameters
    ----------
    most_mb
        What the messages may take, packed; 0: nothing is kept, and no file is made.

    Raises
    ------
    RecordError
        If the file cannot be made.
    """

    def __init__(self, path: Path, *, most_mb: float) -> None:
        self._path = path
        self._left = most_mb * 1e6
        self._file: sqlite3.Connection | None = None
        if most_mb <= 0:
            return
        try:
            self._file = sqlite3.connect(path, isolation_level=None)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = OFF")  # a crash of the machine may cost it, a crash of ours not
            self._file.execute(_SCHEMA)
            self._left -= self._file.execute("SELECT COALESCE(SUM(LENGTH(message)), 0) FROM evidence").fetchone()[0]
            if _has_end(self._file):
                self._give_up("it was full, or could not be written, before this start")
        except sqlite3.Error as err:
            raise RecordError(f"{path}: the evidence cannot be written: {err}; make room there") from err

    def write(self, message: Sequence[bytes]) -> None:
        """Keep the parts of one message."""
        if self._file is None:
            return
        packed = zlib.compress(_encode(message), _LEVEL)
        self._left -= len(packed)
        if self._left < 0:
            self._give_up("record.evidence_mb is used up")
            return
        try:
            self._file.execute("INSERT INTO evidence (message) VALUES (?)", (packed,))
        except sqlite3.Error as err:
            self._give_up(str(err))

    def close(self) -> None:
        """Let go; may be called twice."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _give_up(self, why: str) -> None:
        logger.warning("%s: what the controller sees is not kept any more: %s", self._path, why)
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):  # a disk that is full may refuse the mark as well
                self._file.execute(f"PRAGMA user_version = {_CUT_OFF}")
        self.close()


def read_evidence(path: Path) -> Iterator[list[bytes]]:
    """Yield the messages in the order they were seen.

    Raises
    ------
    RecordError
        If there is no such file, or it cannot be read.
    """
    with _reading(path) as file:
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'evidence'").fetchone():
            return  # its writer has just begun
        for (packed,) in file.execute("SELECT message FROM evidence ORDER BY number"):
            yield _decode(zlib.decompress(packed))


def is_cut_off(path: Path) -> bool:
    """Tell whether the controller saw more than was kept; raises as `read_evidence` does."""
    with _reading(path) as file:
        return _has_end(file)


def _has_end(file: sqlite3.Connection) -> bool:
    return bool(file.execute("PRAGMA user_version").fetchone()[0] == _CUT_OFF)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise RecordError(f"{path}: there is none; it is kept while record.evidence_mb is above 0")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            yield file
    except (sqlite3.Error, zlib.error, msgspec.DecodeError) as err:
        raise RecordError(f"{path}: cannot be read as evidence: {err}") from err
