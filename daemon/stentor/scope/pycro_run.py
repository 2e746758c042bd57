"""Pycro run: one pycromanager acquisition, fed by us, counted by us, and ended whatever its threads do."""

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stentor.core.callback import guarded_callback
from stentor.core.clock import NS_PER_S
from stentor.core.errors import SourceError
from stentor.core.frame import Pixels
from stentor.microscope.cameras import Turns, camera_names
from stentor.scope.core_faults import CoreFaults
from stentor.scope.errand import Errand
from stentor.scope.event_feed import EventFeed
from stentor.scope.pycro_events import NUMBER_AXIS, batches, translate
from stentor.scope.tally import Tally

if TYPE_CHECKING:
    import pymmcore
    import useq

POLL_S = 0.05
STALL_S = 30.0
FAULT_GRACE_S = 1.0
"""pycromanager tries a command that failed six times, 5 ms apart, before it gives up."""


class PycroRun:
    """One acquisition, from construction to `finish`, by the thread that called `Engine.run`."""

    def __init__(
        self,
        core: "pymmcore.CMMCore",
        feed: EventFeed,
        tally: Tally,
        stop: threading.Event,
        faults: CoreFaults,
        *,
        stall_s: float = STALL_S,
    ) -> None:
        from pycromanager import AcqNotification, Acquisition

        self._core = core
        self._feed = feed
        self._tally = tally
        self._stop = stop
        self._faults = faults
        faults.clear()
        self._stall_s = stall_s
        names = camera_names(core)
        self._turns = Turns(names) if len(names) > 1 else None
        self._submitted = 0
        self._longest_exposure_s = 0.0
        self._under_way: dict[int, useq.MDAEvent] = {}
        # Set by pycromanager when it has ended: it was told to, or something broke, which it does not say.
        self._ended = threading.Event()
        on_image = guarded_callback(self._on_image)
        finished = AcqNotification.Acquisition.ACQ_EVENTS_FINISHED

        # Both are plain functions: pycromanager counts their parameters.
        def take(image: Pixels, metadata: dict[str, Any]) -> None:
            # None: the image goes into no dataset. Returned, every image would stay in memory.
            on_image(image, metadata, time.perf_counter_ns())

        def listen(notification: Any) -> None:
            if notification.milestone == finished:
                self._ended.set()

        self._acquisition = Acquisition(image_process_fn=take, notification_callback_fn=listen)

    def feed_all(self) -> None:
        """Submit every event at its time and wait for its images; returns early at abort or when the engine ended.

        Raises
        ------
        SourceError
            Images that are due do not come.
        """
        is_known = self._feed.whole is not None
        start_s: float | None = None
        for batch in batches(self._feed) if is_known else ([event] for event in self._feed):
            first = batch[0]
            if start_s is None or first.reset_event_timer:
                self._await_submitted()
                start_s = time.perf_counter()
            self._pause_until(start_s + (first.min_start_time or 0.0))
            if self._is_over():
                return
            self._submit(batch)
            if not is_known:
                self._await_submitted()
                self._under_way.clear()
        self._await_submitted()

    def finish(self, grace_s: float) -> Errand:
        """Ask pycromanager to end, and wait for it at most `grace_s`; the errand then is done, or left behind."""
        if self._stop.is_set() or self._tally.received < self._due:
            self._acquisition.abort()
        # Without this the wait would last for ever, after an abort too.
        self._acquisition.mark_finished()
        errand = Errand(self._acquisition.await_completion, "pycromanager")
        errand.start()
        errand.is_done(grace_s)
        return errand

    def _submit(self, batch: "list[useq.MDAEvent]") -> None:
        if (self._submitted == 0 or self._feed.whole is None) and batch[0].exposure is not None:
            # pycromanager's engine outlives its acquisitions and sets an exposure only if it differs from that of
            # the last event it saw, whatever live mode, a script or a request between two events has set since.
            self._core.setExposure(batch[0].exposure)
        numbered = list(enumerate(batch, start=self._submitted))
        self._under_way.update(numbered)
        self._submitted += len(batch)
        self._longest_exposure_s = max(event.exposure or 0.0 for event in batch) / 1000
        self._acquisition.acquire([translate(event, number) for number, event in numbered])

    def _on_image(self, image: Pixels, metadata: Mapping[str, Any], received_ns: int) -> None:
        number = int(metadata["Axes"][NUMBER_AXIS]) if self._turns is None else self._turns.event_of(metadata)
        event = self._under_way.get(number)
        self._tally.deliver(image, metadata, event, received_ns)

    @property
    def _due(self) -> int:
        return self._submitted * self._feed.images_per_event

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._ended.is_set()

    def _pause_until(self, due_s: float) -> None:
        while (left_s := due_s - time.perf_counter()) > 0 and not self._is_over():
            self._stop.wait(min(left_s, POLL_S))

    def _await_submitted(self) -> None:
        began_ns = time.perf_counter_ns()
        while not self._tally.wait_for(self._due, POLL_S) and not self._is_over():
            silent_s = (time.perf_counter_ns() - max(began_ns, self._tally.last_ns)) / NS_PER_S
            if self._faults.newest is not None and silent_s > FAULT_GRACE_S:
                raise SourceError(f"the image did not come: {self._faults.newest}")
            if silent_s > self._stall_s + 5 * self._longest_exposure_s:
                due = self._due - self._tally.received
                raise SourceError(
                    f"no image for {silent_s:.0f} s while {due} are due; does the camera wait for a trigger, "
                    "or a drive for its end?"
                )
