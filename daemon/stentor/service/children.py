"""Children: a process of ours, started in a group of its own, watched, and started again when it dies."""

import logging
import os
import signal
import subprocess
import sys
import time
from typing import Final

from stentor.service.pulse import Pulse
from stentor.service.session import Session

logger = logging.getLogger(__name__)

SILENT_AFTER_S: Final = 15.0
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0
CALM_AFTER_S: Final = 30.0
KEEP_MEMORY: Final = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "268435456"}
"""glibc then recycles freed images instead of returning them: fresh pages of 8 MB cost tens of milliseconds."""


class Child:
    """One of the launcher's children; used by the launcher's main thread.

    Parameters
    ----------
    name
        "daemon", "scope" or "controller-NAME": its pulse and log in the session.
    module
        `stentor.service.MODULE_process`; None: as the name.
    """

    def __init__(self, name: str, session: Session, *, logs_to_stderr: bool, module: str | None = None) -> None:
        self.name = name
        self._module = name if module is None else module
        self._session = session
        self._logs = "to-stderr" if logs_to_stderr else "to-file"
        self._process: subprocess.Popen[bytes] | None = None
        self.pulse = Pulse.create(session.pulse(name))
        self._started_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Its process id; None: it was never started."""
        return None if self._process is None else self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives or before the first start."""
        return None if self._process is None else self._process.poll()

    @property
    def is_silent(self) -> bool:
        """Whether it lives but has not said so for too long, after a start-up that may take as long again."""
        grace_s = SILENT_AFTER_S * (2 if time.monotonic() - self._started_at < 2 * SILENT_AFTER_S else 1)
        return self.is_running and self.pulse.silent_s > grace_s

    @property
    def may_start(self) -> bool:
        """Whether the pause after the last start is over; it doubles while the child dies soon after its starts."""
        return time.monotonic() - self._started_at >= (self._pause_s if self.starts else 0.0)

    def start(self, *arguments: str) -> None:
        """Start it, in a session of its own so that a Ctrl-C in the terminal reaches the launcher alone."""
        lived_s = time.monotonic() - self._started_at
        if self.starts:
            self._pause_s = FIRST_PAUSE_S if lived_s > CALM_AFTER_S else min(2 * self._pause_s, LONGEST_PAUSE_S)
        self.pulse.enter_stage(-1)
        self.pulse.beat()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                f"stentor.service.{self._module}_process",
                self._session.folder,
                self._logs,
                *arguments,
            ],
            env={**os.environ, **KEEP_MEMORY},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._started_at = time.monotonic()
        self.starts += 1
        logger.info("%s started, process %d", self.name, self._process.pid)

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self.is_running and self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End it and its group at once."""
        if self.is_running and self._process is not None:
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)

    def take_fault(self) -> str | None:
        """Return, once, why it ended, in its own words; None: it left none."""
        return self._session.fault(self.name)

    def close(self) -> None:
        """Let go of the pulse and delete its file."""
        self.pulse.close()
        self.pulse.path.unlink(missing_ok=True)
