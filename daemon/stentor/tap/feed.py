"""Feed: takes images on the host's threads at the price of one copy, and leaves the rest to a thread of its own."""

import queue
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.core.callback import guarded_callback
from stentor.core.clock import Clock
from stentor.tap.frame_maker import FrameMaker
from stentor.tap.owners import Owners
from stentor.tap.sighting import BeginRun, Change, EndRun, Fetch, Read, Sighting
from stentor.tap.slots import Slots
from stentor.wire.complaint import complaint

if TYPE_CHECKING:
    import pymmcore

MOST_WAITING: Final = 2000
LOOK_EVERY_S: Final = 0.1
TOO_FAST: Final = "images came faster than a ring for their new size could be made"


class Feed:
    """Between a host and the daemon of a rig.

    `take`, `fetch`, `begin_run` and `end_run` from any thread of the host: they wait for nothing but each other's
    copy, and wrapped as guarded callbacks they never raise. `close` comes last and may be called twice; what is shown
    afterwards is not seen. Parameters as in `FrameTap`, and:

    Parameters
    ----------
    core
        Read at the beginning of each run and whenever frames change their size; no drive is waited for.
    source
        What the tap sits in, in words for people.
    """

    def __init__(
        self,
        core: "pymmcore.CMMCore",
        *,
        rig: str,
        stream: str,
        source: str,
        clock: Clock,
        ring_slots: int = 16,
        chip_wh: tuple[int, int] | None = None,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._slots = Slots(ring_slots, self._lock)
        self._waiting: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._owners = Owners()
        self._skipped = 0
        self._is_closing = False
        self._found: tuple[NDArray[Any], Mapping[str, Any]]
        self._read = guarded_callback(self._read_from_dataset, name="reading an image from its dataset")
        self._maker = FrameMaker(
            core, self._slots, rig=rig, stream=stream, source=source, clock=clock, ring_slots=ring_slots,
            chip_wh=chip_wh,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._carry_out_all, name=f"tap-{stream}", daemon=True)
        self._thread.start()

    @property
    def is_attached(self) -> bool:
        """Whether a daemon takes the frames now."""
        return self._maker.producer is not None and self._maker.producer.is_attached

    @property
    def denied(self) -> str | None:
        """Why the daemon refuses this tap, with the remedy; None: it does not."""
        return None if self._maker.producer is None else self._maker.producer.denied

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Wait until the daemon's models are warm."""
        return self._maker.producer is not None and self._maker.producer.ready.wait(timeout_s)

    def begin_run(self) -> None:
        """A new acquisition has begun."""
        self._waiting.put(BeginRun())

    def end_run(self, ended: str = "completed") -> None:
        """The acquisition is over: "completed" or "aborted"."""
        self._waiting.put(EndRun(ended))

    def mark_stale(self) -> None:
        """Have the core read again before the next header is made."""
        self._maker.is_stale = True

    def take(
        self,
        pixels: NDArray[Any],
        metadata: Mapping[str, Any],
        *,
        event: Any = None,
        owner: threading.Thread | None = None,
    ) -> None:
        """See one image.

        Parameters
        ----------
        pixels
            Shape (Y, X), uint8, uint16 or float32; other images are refused by name in the ledger.
        metadata
            As the backend wrote them.
        event
            The useq event that asked for the image; None: the metadata hold its axes.
        owner
            A thread that lives as long as the acquisition; None: runs are begun and ended by calls.
        """
        received_ns = self._clock.monotonic_ns()
        wrong = complaint(pixels)
        with self._lock:
            if not self._has_room(owner):
                return
            kept = self._slots.keep(pixels) if wrong is None else None
            tapped_ns = self._clock.monotonic_ns()
            self._waiting.put(
                Sighting(
                    kept=kept,
                    shape=pixels.shape,
                    dtype=pixels.dtype,
                    received_ns=received_ns,
                    tapped_ns=tapped_ns,
                    metadata=dict(metadata),
                    event=event,
                    wrong=wrong or (TOO_FAST if kept is None else None),
                )
            )

    def fetch(self, read: Read, owner: threading.Thread | None) -> None:
        """See one image that the feed's thread may read when it comes to it; costs the caller next to nothing."""
        with self._lock:
            if self._has_room(owner):
                self._waiting.put(Fetch(read, self._clock.monotonic_ns()))

    def close(self, timeout_s: float) -> bool:
        """End the run, wait until the daemon has closed all runs (not without a daemon), and let go.

        Returns False when the daemon did not acknowledge in time, or there is none.
        """
        with self._lock:
            self._is_closing = True
        self._thread.join(timeout_s)
        is_settled = self._maker.close(timeout_s)
        if not self._thread.is_alive():
            self._slots.close()
        return is_settled

    def _has_room(self, owner: threading.Thread | None) -> bool:
        if self._is_closing:
            return False
        if self._owners.note(owner):
            self._waiting.put(EndRun("completed"))
        if self._waiting.qsize() >= MOST_WAITING:
            self._skipped += 1
            return False
        return True

    # --- the feed's thread ----------------------------------------------------------------------------------------

    def _carry_out_all(self) -> None:
        carry_out = guarded_callback(self._carry_out, name="the tap's thread")
        while True:
            try:
                change = self._waiting.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                with self._lock:
                    is_over = self._waiting.empty() and self._owners.have_ended()
                if is_over:
                    self._maker.end_run("completed")
                if self._is_closing:
                    break
                continue
            carry_out(change)
        self._maker.end_run("aborted")

    def _carry_out(self, change: Change) -> None:
        with self._lock:
            skipped, self._skipped = self._skipped, 0
        self._maker.account_for(skipped)
        match change:
            case BeginRun():
                self._maker.end_run("aborted")
            case EndRun(ended):
                self._maker.end_run(ended)
            case Sighting():
                self._maker.see(change)
            case Fetch():
                self._maker.see(self._fetched(change))

    def _read_from_dataset(self, wanted: Fetch) -> None:
        self._found = wanted.read()

    def _fetched(self, wanted: Fetch) -> Sighting:
        self._found = (np.empty((0, 0), np.uint8), {})
        failures = self._read.failures
        self._read(wanted)
        pixels, metadata = self._found
        is_read = self._read.failures == failures
        wrong = complaint(pixels) if is_read else f"not readable from its dataset: {self._read.last_error}"
        return Sighting(
            kept=pixels if wrong is None else None,
            shape=pixels.shape,
            dtype=pixels.dtype,
            received_ns=wanted.received_ns,
            tapped_ns=self._clock.monotonic_ns(),
            metadata=metadata,
            event=None,
            wrong=wrong,
        )
