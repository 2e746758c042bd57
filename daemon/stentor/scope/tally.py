"""Tally: counts what arrives in one run, spots holes in the camera's numbering, and passes images on."""

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stentor.core.callback import guarded_callback
from stentor.core.frame import Pixels
from stentor.microscope.arrival import Arrival
from stentor.microscope.cameras import Numbering
from stentor.scope.engine import Reason, RunReport, Sink

if TYPE_CHECKING:
    import useq


class Tally:
    """One run's counters. One thread delivers, any thread reads or waits."""

    def __init__(self, sink: Sink) -> None:
        self._sink = guarded_callback(sink, name="the sink of the acquisition")
        self._numbering = Numbering()
        self._changed = threading.Condition()
        self.received = 0
        self.missed = 0
        self.last_ns = time.perf_counter_ns()

    def deliver(
        self, pixels: Pixels, metadata: Mapping[str, Any], event: "useq.MDAEvent | None", received_ns: int
    ) -> None:
        """Count one image and hand it to the sink; never raises."""
        self.missed += self._numbering.missed_before(metadata)
        self._sink(Arrival(pixels, received_ns, metadata, event))
        with self._changed:
            self.received += 1
            self.last_ns = received_ns
            self._changed.notify_all()

    def wait_for(self, count: int, timeout_s: float) -> bool:
        """Wait until `count` images have come; False: they had not after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self.received >= count, timeout_s)

    def report(
        self,
        *,
        expected: int | None,
        is_aborted: bool,
        is_open_ended: bool = False,
        error: str | None = None,
        complaint: str | None = None,
    ) -> RunReport:
        """Judge the run by its counters: an image short or over is a failure, whatever the backend says.

        Parameters
        ----------
        expected
            Images asked for; None: nobody said how many.
        is_aborted
            Somebody asked for the end.
        is_open_ended
            More might have been asked for, so that an abort cut the run short even if all of `expected` came.
        error
            What the backend raised; None: nothing.
        complaint
            What it complained of and carried on, and so the reason why images are missing, if they are.
        """
        if is_aborted and (is_open_ended or expected is None or self.received < expected):
            return self._report(expected, "aborted", None, complaint)
        if error is None and expected is not None and self.received != expected:
            error = f"{self.received} of {expected} images came, and the engine gave no reason"
            error = error if complaint is None else f"{self.received} of {expected} images came: {complaint}"
        return self._report(expected, "completed" if error is None else "failed", error, complaint)

    def _report(self, expected: int | None, reason: Reason, error: str | None, complaint: str | None) -> RunReport:
        return RunReport(
            expected=expected,
            received=self.received,
            missed=self.missed,
            sink_failures=self._sink.failures,
            reason=reason,
            error=error,
            complaint=complaint,
        )
