"""Producer: give every image its name and hand it to the daemon, without ever waiting for the daemon."""

import logging
import threading
import uuid
from collections import deque
from typing import Any, Final

from msgspec import structs
from numpy.typing import NDArray

from stentor.core.clock import Clock
from stentor.core.errors import SourceError
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.wire import link, sockets
from stentor.wire.attachment import Attachment
from stentor.wire.complaint import complaint
from stentor.wire.produced_run import ProducedRun
from stentor.wire.ring import SlotRef
from stentor.wire.ring_rack import RingRack

logger = logging.getLogger(__name__)

IDLE_WAIT_S: Final = 0.05
STUCK_WAIT_S: Final = 0.001
LOSSLESS_WAIT_S: Final = 0.005
LOSSLESS_WINDOW: Final = 8
"""Frames under way at most in a lossless run; more would gain nothing, for one pipeline analyses them in turn."""


class FrameProducer:
    """Names frames and hands them to the daemon of a rig, whether or not there is one.

    `begin_run`, then for every image `next_id` and `hand_over` (or `refuse`), then `end_run`; from any thread, and
    none of them waits, raises, or notices that the daemon died or returned. A thread of its own sends, looks for the
    daemon, and tells a returned one what it missed. `close` may be called twice.

    Parameters
    ----------
    rig, stream
        Names of the rendezvous and of the camera.
    source
        What produces the frames, in words for people.
    spec
        What the frames will look like, so that models are warm before the first.
    ring_slots
        Frames that the daemon may lag behind before the oldest is overwritten.
    is_lossless
        For sources that can wait, such as a recording: nothing is overwritten or superseded as long as the caller
        asks `wait_for_room` before each frame. What a dying daemon had under way is lost with it, and accounted for.
    """

    def __init__(
        self,
        rig: str,
        stream: str,
        *,
        source: str,
        spec: FrameSpec,
        clock: Clock,
        ring_slots: int = 16,
        is_lossless: bool = False,
    ) -> None:
        self._stream = stream
        self._source = source
        self._spec = spec
        self._clock = clock
        self._ring_slots = ring_slots
        self._is_lossless = is_lossless
        self._lock = threading.Condition()
        self._queue: deque[link.Descriptor | link.Refusal] = deque()
        self._runs: dict[str, ProducedRun] = {}
        self._current: ProducedRun | None = None
        self._rings = RingRack(ring_slots)
        self._attachment = Attachment(rig)
        self._is_closing = False
        self.stop_requested = threading.Event()
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name=f"producer-{stream}", daemon=True)
        self._thread.start()

    @property
    def denied(self) -> str | None:
        """Why the daemon refuses this producer; None: it does not."""
        return self._attachment.denied

    @property
    def is_settled(self) -> bool:
        """Whether there is no run that the daemon has not closed."""
        with self._lock:
            return not self._runs

    @property
    def is_attached(self) -> bool:
        """Whether a daemon takes the frames now."""
        return self._attachment.is_attached

    def begin_run(self, expected: int | None = None) -> str:
        """Start a new run and return its id; `expected` is None for an open-ended one."""
        account = link.RunAccount(
            stream=self._stream,
            run=uuid.uuid4().hex,
            started_wall_ns=self._clock.wall_ns(),
            clock_id=self._clock.clock_id,
            expected=expected,
        )
        with self._lock:
            self._current = self._runs[account.run] = ProducedRun(account)
            self._lock.notify_all()
        return account.run

    def next_id(self) -> FrameId:
        """Name the image that has just arrived. Needs a run.

        Raises
        ------
        RuntimeError
            If no run was begun: a fault of the caller, not of the microscope.
        """
        with self._lock:
            if self._current is None:
                raise RuntimeError("begin_run comes before next_id")
            return FrameId(self._stream, self._current.account.run, self._current.name_next())

    def wait_for_room(self, frame_bytes: int, timeout_s: float) -> bool:
        """Wait until the daemon is ready for one more frame of a lossless run; False: it was not in time.

        A frame larger than all before it waits until the daemon is done with those, because its ring is a new one.
        """
        with self._lock:
            window = min(LOSSLESS_WINDOW, self._ring_slots) if self._rings.fits(frame_bytes) else 1
            return self._lock.wait_for(lambda: self._is_below(window), timeout_s)

    def wait_until_settled(self, timeout_s: float) -> bool:
        """Wait until the daemon is done with every frame of a lossless run; False: it was not in time."""
        with self._lock:
            return self._lock.wait_for(lambda: self._is_below(1), timeout_s)

    def _is_below(self, limit: int) -> bool:
        return self.ready.is_set() and self._current is not None and self._current.unsettled < limit

    def hand_over(self, header: FrameHeader, pixels: NDArray[Any]) -> None:
        """Copy the pixels into the ring and queue their descriptor; a frame of a wrong kind is refused by name."""
        wrong = complaint(pixels)
        if wrong is not None:
            self.refuse(header.frame_id, wrong)
            return
        with self._lock:
            try:
                reference = self._rings.put(pixels)
            except SourceError as err:
                reference, wrong = None, str(err)
            if reference is not None:
                self._enqueue(link.Descriptor(header, reference, self._clock.monotonic_ns()))
        if wrong is not None:
            self.refuse(header.frame_id, wrong)

    def announce(self, header: FrameHeader, reference: SlotRef, tapped_ns: int) -> None:
        """Queue the descriptor of pixels that the caller has put into a ring of its own, at `tapped_ns`."""
        with self._lock:
            self._enqueue(link.Descriptor(header, reference, tapped_ns))

    def refuse(self, frame_id: FrameId, reason: str) -> None:
        """Report a frame that exists but cannot be handed over."""
        with self._lock:
            self._enqueue(link.Refusal(frame_id, reason))

    def end_run(self, ended: str = "completed") -> int:
        """Close the current run with "completed", "aborted" or "failed: reason"; returns its number of frames."""
        with self._lock:
            run, self._current = self._current, None
            if run is None:
                return 0
            for refusal in run.refuse_in_hand():
                self._enqueue(refusal)
            run.end(ended)
            self._lock.notify_all()
            return run.next_sequence

    def close(self, timeout_s: float = 2.0) -> bool:
        """End the current run, wait until the daemon has closed all runs (at most `timeout_s`), and let go.

        Returns False when the daemon never acknowledged; what it then lacks stays unaccounted on its side.
        """
        self.end_run("aborted")
        with self._lock:
            settled = self._is_closing or self._lock.wait_for(lambda: not self._runs, timeout_s)
            self._is_closing = True
            self._lock.notify_all()
        self._thread.join(timeout_s + 1)
        self._rings.close()
        return settled

    def _enqueue(self, message: link.Descriptor | link.Refusal) -> None:
        if message.frame_id.run in self._runs:
            self._runs[message.frame_id.run].in_hand.discard(message.frame_id.sequence)
        self._queue.append(message)
        if len(self._queue) > self._ring_slots:  # its slot is being overwritten anyway
            self._lose(self._queue.popleft())
        self._lock.notify_all()

    def _lose(self, message: link.Descriptor | link.Refusal) -> None:
        if message.frame_id.run in self._runs:
            self._runs[message.frame_id.run].lose(message.frame_id.sequence)

    # --- the sending thread -------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        made_by = sockets.Sockets()
        is_stuck = False
        try:
            while not self._is_closing:
                with self._lock:
                    if not self._queue or is_stuck:
                        self._lock.wait(self._pause_s(is_stuck=is_stuck))
                self._attachment.refresh(made_by, self._introduction)
                if not self._attachment.is_attached:
                    self.ready.clear()
                self._tell_news()
                is_stuck = not self._drain()
                for message in self._attachment.received():
                    self._heed(message)
        finally:
            self._attachment.close()
            made_by.close()

    def _pause_s(self, *, is_stuck: bool) -> float:
        if is_stuck and self._attachment.is_attached:
            return STUCK_WAIT_S
        is_owed = self._is_lossless and self._current is not None and self._current.unsettled > 0
        return LOSSLESS_WAIT_S if is_owed else IDLE_WAIT_S

    def _introduction(self) -> link.Attach:
        with self._lock:
            accounts = tuple(self._account(run) for run in self._runs.values())
        return self._attachment.introduce(
            self._stream, self._source, self._spec, accounts, is_lossless=self._is_lossless
        )

    def _account(self, run: ProducedRun) -> link.RunAccount:
        queued = [message.frame_id for message in self._queue]
        return run.current_account(frame_id.sequence for frame_id in queued if frame_id.run == run.account.run)

    def _tell_news(self) -> None:
        with self._lock:
            due = [run for run in self._runs.values() if run.is_news]
            news = [
                (run, link.RunNews(self._account(run))) for run in due if run.account.ended is None or not self._queue
            ]
        for run, message in news:
            if self._attachment.send(message):
                run.is_news = False

    def _drain(self) -> bool:
        """Send what is queued; False: the daemon is there but takes nothing yet, and the rest waits in the ring."""
        while True:
            with self._lock:
                if not self._queue:
                    return True
                message = self._queue.popleft()
                run = self._runs.get(message.frame_id.run)
                untold = run.untold if run is not None else ()
            is_sent = self._attachment.send(
                structs.replace(message, unsent=untold) if isinstance(message, link.Descriptor) else message
            )
            with self._lock:
                if is_sent:
                    if run is not None and isinstance(message, link.Descriptor):
                        run.has_told(untold)
                elif (self._attachment.is_hopeful or self._is_lossless) and len(self._queue) < self._ring_slots:
                    self._queue.appendleft(message)
                    return False
                else:
                    self._lose(message)

    def _heed(self, message: link.ToProducer) -> None:
        match message:
            case link.Ready():
                with self._lock:
                    self.ready.set()
                    self._lock.notify_all()
            case link.RunLevel(run_id, settled):
                with self._lock:
                    if run_id in self._runs:
                        self._runs[run_id].settled = settled
                    self._lock.notify_all()
            case link.StopAcquisition():
                self.stop_requested.set()
            case link.RunClosed(run_id):
                with self._lock:
                    run = self._runs.get(run_id)
                    if run is not None and run.account.ended is not None and not run.is_news:
                        del self._runs[run_id]
                    self._lock.notify_all()
            case link.Denied(reason):
                logger.error("the daemon refuses frames of %s: %s", self._stream, reason)
