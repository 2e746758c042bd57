"""Thread watch: tells a thread that has stopped going round from a process that was stopped as a whole."""

from collections.abc import Callable, Mapping
from typing import Final

STILL_S: Final = 10.0
LOOKS: Final = 10
"""After a process has slept as a whole (SIGSTOP, a suspended laptop) every thread looks hung until its next turn."""


class ThreadWatch:
    """Asked again and again by the main thread.

    Parameters
    ----------
    silent_s
        By the name of a thread: seconds since it last went round.
    """

    def __init__(self, silent_s: Mapping[str, Callable[[], float]]) -> None:
        self._silent_s = dict(silent_s)
        self._looks = dict.fromkeys(silent_s, 0)

    def hung(self) -> str | None:
        """Return the name of a thread that has stood still for `STILL_S` at each of the last `LOOKS` looks."""
        for name, silent_s in self._silent_s.items():
            self._looks[name] = self._looks[name] + 1 if silent_s() > STILL_S else 0
            if self._looks[name] >= LOOKS:
                return name
        return None
