"""Errand: one blocking call on a thread of its own, so that nobody waits for ever for a driver that hangs."""

import threading
from collections.abc import Callable

from stentor.scope.callback import guarded_callback


class Errand:
    """Runs `task` once, from `start`; owned by the thread that made it, which polls `is_done`."""

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

    @property
    def error(self) -> str | None:
        """What the task raised, in words; None: nothing, or it is not done."""
        error = self._task.last_error
        return None if error is None else f"{type(error).__name__}: {error}"

    def _run(self) -> None:
        try:
            self._task()
        finally:
            self._done.set()
