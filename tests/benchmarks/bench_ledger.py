"""Ledger: what a frame costs in SQLite, beside an append-only msgpack file of the same rows.

Run: python tests/benchmarks/bench_ledger.py
"""

import platform
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from stentor.core.doors import DoorTimes
from stentor.core.ledger import RunInfo
from stentor.record.ledger_file import FrameRow, LedgerFile

ROWS_PER_COMMIT = 400
COMMITS = 60


def rows(start: int) -> list[FrameRow]:
    return [
        FrameRow("r", n, "result", "", DoorTimes(n, n + 1000, n + 2000, n + 3000, n + 9000, n + 9500, n + 9900))
        for n in range(start, start + ROWS_PER_COMMIT)
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = LedgerFile(Path(folder) / "ledger.sqlite")
        ledger.write([RunInfo(stream="camera", run="r", started_wall_ns=0, clock_id="c")])
        log = (Path(folder) / "ledger.log").open("ab")
        sqlite_ms, append_ms = [], []
        for commit in range(COMMITS):
            batch = rows(commit * ROWS_PER_COMMIT)
            start = time.process_time()
            ledger.write(batch)
            middle = time.process_time()
            log.write(b"".join(msgspec.msgpack.encode(row) for row in batch))
            log.flush()
            sqlite_ms.append(1e3 * (middle - start))
            append_ms.append(1e3 * (time.process_time() - middle))
        ledger.close()
        size = (Path(folder) / "ledger.sqlite").stat().st_size
        log.close()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, n = {COMMITS} commits")
    for name, values in (("SQLite", sqlite_ms), ("append-only msgpack", append_ms)):
        p50, p99 = np.percentile(values, [50, 99])
        print(f"{name:20} {ROWS_PER_COMMIT} rows: median {p50:.2f}, p99 {p99:.2f} ms of CPU")
    ratio = np.median(sqlite_ms) / np.median(append_ms)
    print(f"ratio of medians {ratio:.1f}; {size / ROWS_PER_COMMIT / COMMITS:.0f} bytes a frame in SQLite")


if __name__ == "__main__":
    main()
