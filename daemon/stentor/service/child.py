"""Child: what the daemon process and the scope process have in common: logs, signals, an eye on the launcher."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

from stentor.core.errors import StentorError
from stentor.service.exit_code import ExitCode, code_for
from stentor.service.logs import set_up_logs
from stentor.service.pulse import Pulse
from stentor.service.session import Session

logger = logging.getLogger(__name__)

PARENT_LOOK_S: Final = 0.5


class StopFlag:
    """Turns true at SIGTERM, at SIGINT, and when the launcher is gone."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._parent = os.getppid()

    def install(self) -> None:
        """Take the signals; called by the main thread."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        threading.Thread(target=self._watch_parent, name="parent-watch", daemon=True).start()

    def set(self) -> None:
        """Ask for the end."""
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for it."""
        return self._event.wait(timeout_s)

    def __call__(self) -> bool:
        return self._event.is_set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._event.set()

    def _watch_parent(self) -> None:
        while not self._event.wait(PARENT_LOOK_S):
            if os.getppid() != self._parent:
                logger.warning("the launcher is gone; ending in order")
                self._event.set()


def run_child(name: str, body: Callable[[Session, Pulse, StopFlag], ExitCode]) -> int:
    """Run a child's body with everything around it; returns the exit code.

    `sys.argv` holds the session's folder and "to-stderr" or "to-file", where log lines go.
    """
    session = Session(Path(sys.argv[1]))
    set_up_logs(session.log(name), to_stderr=sys.argv[2] == "to-stderr")
    pulse = Pulse(session.pulse(name))
    stop = StopFlag()
    stop.install()
    try:
        return int(body(session, pulse, stop))
    except StentorError as err:
        logger.error("%s", err)
        session.leave_fault(name, str(err))
        return int(code_for(err))
    finally:
        pulse.close()
        logging.shutdown()


def leave_now(code: ExitCode) -> None:
    """End this process at once although some of its threads hang; what must be kept is on disk already."""
    logging.shutdown()
    os._exit(int(code))
