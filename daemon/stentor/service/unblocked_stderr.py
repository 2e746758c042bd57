"""Unblocked stderr: a log handler for standard error that never waits for whoever should read it."""

import logging
import os
import queue
import threading
from typing import Final

STDERR: Final = 2
WAITING: Final = 1000
PATIENCE_S: Final = 1.0


class UnblockedStderr(logging.Handler):
    """Lines wait in a queue for a thread that writes them; a full queue loses lines and says so once there is room.

    A pipe that nobody reads fills after 64 kB; without this the next line would halt the process that says it
    (a campaign of faults found that on 2026-11-23).
    """

    def __init__(self, descriptor: int = STDERR) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes] = queue.Queue(WAITING)
        self._lost = 0
        self._thread = threading.Thread(target=self._write_all, name="stderr", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, or count it as lost."""
        try:
            if self._lost:
                self._lines.put_nowait(f"{self._lost} log lines were lost: nobody reads standard error\n".encode())
                self._lost = 0
            self._lines.put_nowait(f"{self.format(record)}\n".encode(errors="replace"))
        except queue.Full:
            self._lost += 1

    def flush(self) -> None:
        """Wait until everything is written, at most `PATIENCE_S`."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, PATIENCE_S)

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # the reader is gone; the log file has the lines
                continue
            finally:
                self._lines.task_done()
