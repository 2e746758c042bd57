"""Guarded callback: ours, on somebody else's thread, where nothing may be raised."""

import logging
import time
from collections.abc import Callable
from typing import Any, Generic, ParamSpec

from stentor.core.errors import StentorError

logger = logging.getLogger(__name__)

REPEAT_S = 60.0

Args = ParamSpec("Args")


class GuardedCallback(Generic[Args]):
    """A callback that never raises: failures are counted, logged once, then at most every minute.

    Any thread may call it; the counters are exact only if one thread does.
    """

    def __init__(self, callback: Callable[Args, Any], name: str, now_s: Callable[[], float]) -> None:
        self._callback = callback
        self._name = name
        self._now_s = now_s
        self._logged_s: float | None = None
        self.failures = 0
        self.last_error: Exception | None = None

    def __call__(self, *args: Args.args, **kwargs: Args.kwargs) -> None:
        try:
            self._callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 (the one place: what we raise here would end a stranger's thread)
            self._note(error)

    def _note(self, error: Exception) -> None:
        self.failures += 1
        self.last_error = error
        now_s = self._now_s()
        if self._logged_s is None or now_s - self._logged_s >= REPEAT_S:
            self._logged_s = now_s
            # Our own errors say where and what to do; a stranger's needs its traceback.
            traceback = None if isinstance(error, StentorError) else error
            logger.error("%s failed (%d so far): %r", self._name, self.failures, error, exc_info=traceback)


def guarded_callback(
    callback: Callable[Args, Any], *, name: str | None = None, now_s: Callable[[], float] = time.monotonic
) -> GuardedCallback[Args]:
    """Wrap `callback` for use on a foreign thread.

    >>> seen = []
    >>> guarded = guarded_callback(seen.append)
    >>> guarded(3)
    >>> seen, guarded.failures
    ([3], 0)
    """
    return GuardedCallback(callback, name or str(getattr(callback, "__qualname__", callback)), now_s)
