"""Feed: takes images on the host's threads, at the price of one copy, and makes frames of them on its own thread."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from stentor.core.callback import guarded_callback
from stentor.core.clock import Clock
from stentor.core.errors import SourceError
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.microscope.arrival import Arrival
from stentor.microscope.core_state import read_chip, read_spec
from stentor.microscope.header import HeaderMaker
from stentor.tap.sighting import BeginRun, Change, EndRun, Fetch, Sighting
from stentor.tap.slots import Slots
from stentor.wire.producer import FrameProducer, complaint

if TYPE_CHECKING:
    import pymmcore

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 2000
LOOK_EVERY_S: Final = 0.1
CLOSE_WITHIN_S: Final = 2.0
TOO_MANY: Final = "the tap's own thread was more than 2000 images behind; is the core or the disk hanging?"
BROKEN = (SourceError, RuntimeError, ValueError, LookupError, TypeError, OSError)
"""What the core and the datasets raise: it costs the frame, which is then refused by name."""


class Feed:
    """Between a host and the daemon. `take`, `fetch`, `begin_run` and `end_run` from any thread of the host: they
    never wait, except for each other's copy, and never raise once wrapped (see `guarded_callback`). `close` comes
    last and may be called twice; what is taken afterwards is not seen.

    The copying is the host's, everything else is done by the feed's thread: reading the core, making headers, and
    making a ring when frames outgrow the old one.

    Parameters
    ----------
    core
        Read at the beginning of each run and whenever frames change their size; no drive is waited for.
    source
        What the tap sits in, in words for people.
    chip_wh
        Width and height of the whole chip in unbinned pixels; None: those of the current image, when its region of
        interest begins at (0, 0). Otherwise frames with a region of interest have no place on the stage.
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
        self._core = core
        self._rig = rig
        self._stream = stream
        self._source = source
        self._clock = clock
        self._ring_slots = ring_slots
        self._chip_wh = chip_wh
        self._lock = threading.Lock()
        self._slots = Slots(ring_slots)
        self._waiting: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._skipped = 0
        self._run: str | None = None
        self._producer: FrameProducer | None = None
        self._headers: HeaderMaker | None = None
        self._owners: set[threading.Thread] = set()
        self._is_stale = False
        self._is_closing = False
        if core.getCameraDevice():
            self._introduce(read_spec(core))
        self._step = guarded_callback(self._carry_out, name="the tap's thread")
        self._thread = threading.Thread(target=self._carry_out_all, name=f"tap-{stream}", daemon=True)
        self._thread.start()

    @property
    def is_attached(self) -> bool:
        """Whether a daemon takes the frames now."""
        return self._producer is not None and self._producer.is_attached

    @property
    def is_ready(self) -> bool:
        """Whether the daemon's models are warm."""
        return self._producer is not None and self._producer.ready.is_set()

    @property
    def denied(self) -> str | None:
        """Why the daemon refuses this tap, with the remedy; None: it does not."""
        return None if self._producer is None else self._producer.denied

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Wait until the daemon's models are warm, or until it refuses."""
        return self._producer is not None and self._producer.ready.wait(timeout_s)

    def begin_run(self) -> None:
        """A new acquisition has begun."""
        self._waiting.put(BeginRun())

    def end_run(self, ended: str = "completed") -> None:
        """The acquisition is over: "completed" or "aborted"."""
        self._waiting.put(EndRun(ended))

    def mark_stale(self) -> None:
        """Have the core read again before the next header is made."""
        self._is_stale = True

    def take(
        self,
        pixels: NDArray[Any],
        metadata: Mapping[str, Any],
        *,
        event: Any = None,
        owner: threading.Thread | None = None,
    ) -> None:
        """See one image: copy it, and leave the rest to the feed's thread.

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
            if self._is_closing:
                return
            if self._waiting.qsize() >= MOST_WAITING:
                self._skipped += 1
                return
            kept = None if wrong is not None else self._slots.keep(pixels)
            if kept is None and wrong is None:
                wrong = "images came faster than a ring of their new size could be made"
            self._waiting.put(
                Sighting(
                    kept, pixels.shape, pixels.dtype, received_ns, self._clock.monotonic_ns(),
                    dict(metadata), event, owner, wrong,
                )
            )  # fmt: skip

    def fetch(self, read: Callable[[], tuple[NDArray[Any], Mapping[str, Any]]], owner: threading.Thread | None) -> None:
        """See one image that the feed's thread may read when it comes to it; costs the caller next to nothing."""
        with self._lock:
            if self._is_closing:
                return
            if self._waiting.qsize() >= MOST_WAITING:
                self._skipped += 1
            else:
                self._waiting.put(Fetch(read, self._clock.monotonic_ns(), owner))

    def close(self, timeout_s: float = CLOSE_WITHIN_S) -> bool:
        """End the run, wait until the daemon has closed all runs (not without a daemon), and let go.

        Returns False when the daemon did not acknowledge in time, or there is none.
        """
        with self._lock:
            self._is_closing = True
        self._thread.join(timeout_s)
        producer, self._producer = self._producer, None
        if producer is None:
            return False
        settled = producer.close(timeout_s if producer.is_attached else 0.0)
        self._slots.close()
        return settled

    # --- the feed's thread ----------------------------------------------------------------------------------------

    def _carry_out_all(self) -> None:
        while True:
            try:
                change = self._waiting.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                if self._is_closing:
                    break
                self._end_if_owners_have()
                continue
            self._step(change)
        self._end("completed" if not self._owners_live() else "aborted")

    def _carry_out(self, change: Change) -> None:
        self._account_for_skipped()
        match change:
            case BeginRun():
                self._end("aborted")
            case EndRun(ended):
                self._end(ended)
            case Sighting():
                self._hand_over(change)
            case Fetch(read, received_ns, owner):
                self._hand_over(self._fetched(read, received_ns, owner))

    def _fetched(
        self,
        read: Callable[[], tuple[NDArray[Any], Mapping[str, Any]]],
        received_ns: int,
        owner: threading.Thread | None,
    ) -> Sighting:
        try:
            pixels, metadata = read()
            pixels = np.asarray(pixels)
        except BROKEN as err:
            return Sighting(None, (), np.dtype(np.uint8), received_ns, 0, {}, None, owner, f"not readable: {err}")
        wrong = complaint(pixels)
        kept = pixels if wrong is None else None
        tapped_ns = self._clock.monotonic_ns()
        return Sighting(kept, pixels.shape, pixels.dtype, received_ns, tapped_ns, metadata, None, owner, wrong)

    def _hand_over(self, seen: Sighting) -> None:
        producer = self._producer
        if producer is None:
            height, width = seen.shape if len(seen.shape) == 2 else (512, 512)
            producer = self._introduce(FrameSpec((height, width), seen.dtype.name))
        if seen.owner is not None and seen.owner not in self._owners:
            self._end_if_owners_have()
            self._owners.add(seen.owner)
        if self._run is None:
            self._begin(producer)
        frame_id = producer.next_id()
        if seen.wrong is not None or seen.kept is None:
            producer.refuse(frame_id, seen.wrong or "its pixels were not kept")
            return
        try:
            header = self._header(seen, frame_id)
            reference = self._slots.place(seen.kept, self._lock)
        except BROKEN as err:
            producer.refuse(frame_id, str(err))
            return
        producer.announce(header, reference, seen.tapped_ns)

    def _header(self, seen: Sighting, frame_id: FrameId) -> FrameHeader:
        if self._headers is None:
            self._headers = HeaderMaker(
                self._core, stream=self._stream, run=frame_id.run, clock_id=self._clock.clock_id,
                chip_wh=self._chip_wh, may_wait=False,
            )  # fmt: skip
        elif self._is_stale:
            self._headers.reread()
        self._is_stale = False
        # The header needs the form of the pixels only: nobody's image is held here.
        form = np.broadcast_to(np.zeros((), seen.dtype), seen.shape)
        header = self._headers.make(Arrival(form, seen.received_ns, seen.metadata, seen.event), frame_id.sequence)
        if self._chip_wh is None and header.roi_xywh is not None and header.roi_xywh[:2] != (0, 0):
            return structs.replace(header, pixel_to_stage=None)
        return header

    def _introduce(self, spec: FrameSpec) -> FrameProducer:
        if self._chip_wh is None and tuple(self._core.getROI()[:2]) == (0, 0):
            self._chip_wh = read_chip(self._core)
        self._slots.make(spec.shape_yx[0] * spec.shape_yx[1] * np.dtype(spec.dtype).itemsize, self._lock)
        self._producer = FrameProducer(
            self._rig, self._stream, source=self._source, spec=spec, clock=self._clock, ring_slots=self._ring_slots
        )
        return self._producer

    def _begin(self, producer: FrameProducer) -> None:
        self._run = producer.begin_run()
        self._headers = None

    def _end(self, ended: str) -> None:
        self._owners.clear()
        if self._producer is not None and self._run is not None:
            self._producer.end_run(ended)
            self._run = None

    def _owners_live(self) -> bool:
        return not self._owners or any(owner.is_alive() for owner in self._owners)

    def _end_if_owners_have(self) -> None:
        if not self._owners_live():
            self._end("completed")

    def _account_for_skipped(self) -> None:
        with self._lock:
            skipped, self._skipped = self._skipped, 0
        if skipped and self._producer is not None:
            if self._run is None:
                self._begin(self._producer)
            for _ in range(skipped):
                self._producer.refuse(self._producer.next_id(), TOO_MANY)
