"""Patience: everything a replay waits for, always ready to be stopped."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from stentor.core.clock import NS_PER_S, Clock
from stentor.core.errors import SourceError
from stentor.wire.producer import FrameProducer

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.1
FAR_OFF_S: Final = 10.0


class Patience:
    """Used by the thread that replays.

    Parameters
    ----------
    limit_s
        How long to wait for an analysis that is not there.
    must_stop
        Asked again and again whether to end.
    """

    def __init__(self, limit_s: float, clock: Clock, *, must_stop: Callable[[], bool]) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._must_stop = must_stop
        self._stop_requested = threading.Event()

    def heed(self, producer: FrameProducer) -> None:
        """Stop also when an operator asks the daemon to end the acquisition."""
        self._stop_requested = producer.stop_requested

    @property
    def is_stopped(self) -> bool:
        """Whether somebody has asked for the end."""
        return self._must_stop() or self._stop_requested.is_set()

    def pause_until(self, due_ns: int) -> bool:
        """Wait for a moment on the clock; False: somebody asked for the end."""
        if self._left_s(due_ns) > FAR_OFF_S:
            logger.info("the next image is due in %.0f s", self._left_s(due_ns))
        while not self.is_stopped:
            left_s = self._left_s(due_ns)
            if left_s <= 0:
                return True
            self._stop_requested.wait(min(left_s, LOOK_EVERY_S))
        return False

    def wait_for(self, producer: FrameProducer, has_happened: Callable[[float], bool]) -> bool:
        """Wait for the daemon, however slow or paused it is; False: somebody asked for the end.

        Parameters
        ----------
        has_happened
            Waits for so many seconds and tells.

        Raises
        ------
        SourceError
            If the daemon was not there, or not ready, for the limit, or if it refuses this producer.
        """
        give_up_ns = self._give_up_ns()
        while not self.is_stopped:
            if has_happened(LOOK_EVERY_S):
                return True
            if producer.denied is not None:
                raise SourceError(f"the daemon refuses this replay: {producer.denied}")
            if producer.ready.is_set():
                give_up_ns = self._give_up_ns()
            elif self._left_s(give_up_ns) < 0:
                raise SourceError(
                    f"no analysis was ready for {self._limit_s:g} s; look at the daemon's log, "
                    "or set `acquisition.wait_for_daemon_s`"
                )
        return False

    def wait_a_while_for(self, has_happened: Callable[[], bool]) -> bool:
        """Wait up to the limit; False: it has not happened, and nobody asked for the end."""
        give_up_ns = self._give_up_ns()
        while not self.is_stopped and not has_happened():
            if self._left_s(give_up_ns) < 0:
                return False
            self._stop_requested.wait(LOOK_EVERY_S / 5)
        return True

    def _give_up_ns(self) -> int:
        return self._clock.monotonic_ns() + round(self._limit_s * NS_PER_S)

    def _left_s(self, due_ns: int) -> float:
        return (due_ns - self._clock.monotonic_ns()) / NS_PER_S
