"""Turnstile: lets one run through at a time, and carries an abort to it from any thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stentor.core.errors import SourceError


class Turnstile:
    """Any thread may use it. An abort with nobody inside is forgotten: it never hits a later run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        self._broken: str | None = None

    @contextmanager
    def enter(self) -> Iterator[threading.Event]:
        """Go through and hold the event that abort sets; SourceError when occupied or broken."""
        stop = threading.Event()
        with self._lock:
            if self._broken:
                raise SourceError(f"the engine is stuck ({self._broken}); restart the scope")
            if self._stop is not None:
                raise SourceError("an acquisition is already running on this engine; abort it or wait for its end")
            self._stop = stop
        try:
            yield stop
        finally:
            with self._lock:
                self._stop = None

    def abort(self) -> bool:
        """Tell the run inside to end; False when there is none."""
        with self._lock:
            if self._stop is None:
                return False
            self._stop.set()
            return True

    def break_down(self, why: str) -> None:
        """Refuse all further runs: a driver kept a thread, and the core cannot be trusted any more."""
        with self._lock:
            self._broken = why
