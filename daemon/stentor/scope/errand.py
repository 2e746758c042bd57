"""Errand: one blocking call on a thread of its own, so that nobody waits for ever for a driver that hangs."""

import threading
import time
from collections.abc import Callable

from stentor.core.callback import guarded_callback
from stentor.core.errors import StentorError

POLL_S = 0.02


class Errand:
    """Runs `task` once, from `start`; owned by the thread that made it, which waits with `outlast`."""

    def __init__(self, task: Callable[[], None], name: str) -> None:
        self._task = guarded_callback(task, name=name)
        self._done = threading.Event()
        # A daemon thread: a task that hangs in a driver must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"stentor-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread; once."""
        self._thread.start()

    def is_done(self, timeout_s: float) -> bool:
        """Wait for the end of the task at most `timeout_s`."""
        return self._done.wait(timeout_s)

    def outlast(
        self,
        stop: threading.Event,
        *,
        urge: Callable[[], None],
        grace_s: float,
        is_stalled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait for the end of the task, without limit until `stop` is set, which we do ourselves when it stalls.

        From then on `urge` is called again and again, since a backend that is not yet under way forgets a cancel,
        and after `grace_s` the wait is given up.

        Returns
        -------
        bool
            False when the task was left behind, still running.
        """
        deadline_s: float | None = None
        while not self._done.wait(POLL_S):
            if not stop.is_set():
                if is_stalled():
                    stop.set()
                continue
            urge()
            if deadline_s is None:
                deadline_s = time.monotonic() + grace_s
            elif time.monotonic() > deadline_s:
                return False
        return True

    @property
    def error(self) -> str | None:
        """What the task raised, in words; None: nothing, or it is not done."""
        error = self._task.last_error
        if error is None or isinstance(error, StentorError):
            return None if error is None else str(error)
        return f"{type(error).__name__}: {error}"

    def _run(self) -> None:
        try:
            self._task()
        finally:
            self._done.set()
