"""Dose journal: the light account of a specimen in a file, so that a restart spends no budget a second time."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from stentor.control.dose import Tile
from stentor.core.errors import RecordError

SCHEMA = """
CREATE TABLE IF NOT EXISTS dose (
    specimen TEXT NOT NULL, tile_um REAL NOT NULL, column INTEGER NOT NULL, row INTEGER NOT NULL,
    received_uj REAL NOT NULL, PRIMARY KEY (specimen, tile_um, column, row)
) WITHOUT ROWID
"""

LOCKED_S = 0.1
"""How long an image may wait for somebody else's lock on the file."""

WRITE = """
INSERT INTO dose VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET received_uj = MAX(received_uj, excluded.received_uj)
"""


class DoseJournal:
    """One specimen's account on disk, durable against kill -9 at every `write`; used by one thread, closed at last.

    Raises
    ------
    RecordError
        If the file cannot be opened, read or written; the message names the remedy.
    """

    def __init__(self, path: Path, specimen: str, tile_um: float) -> None:
        self._path = path
        self._key = (specimen, tile_um)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Opened by the thread that sets the scope up, written by the one that holds the hardware.
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCKED_S)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(SCHEMA)
        except (OSError, sqlite3.Error) as err:
            raise self._error(err) from err

    def read(self) -> dict[Tile, float]:
        """Return what every square has received, in microjoules; RecordError: it was counted in other squares."""
        try:
            rows = self._file.execute(
                "SELECT column, row, received_uj FROM dose WHERE specimen = ? AND tile_um = ?", self._key
            ).fetchall()
            other = self._file.execute("SELECT tile_um FROM dose WHERE specimen = ?", self._key[:1]).fetchone()
        except sqlite3.Error as err:
            raise self._error(err) from err
        if other is not None and not rows:
            raise RecordError(
                f"{self._path}: the light of specimen {self._key[0]!r} was counted in squares of {other[0]} um, and in "
                f"others it would begin at nothing: set guard.dose.tile_um = {other[0]}, or name another specimen"
            )
        return {(column, row): received_uj for column, row, received_uj in rows}

    def write(self, totals: Mapping[Tile, float]) -> None:
        """Keep new totals of some squares; what another process has counted there is never made less."""
        rows = [(*self._key, column, row, received_uj) for (column, row), received_uj in totals.items()]
        try:
            self._file.execute("BEGIN")
            self._file.executemany(WRITE, rows)
            self._file.execute("COMMIT")
        except sqlite3.Error as err:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise self._error(err) from err

    def close(self) -> None:
        """Let go; may be called twice."""
        self._file.close()

    def _error(self, err: Exception) -> RecordError:
        return RecordError(
            f"{self._path}: the light account cannot be kept: {err}; make room there, or name another record.folder"
        )
