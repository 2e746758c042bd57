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
from stentor.core.frame import PIXEL_DTYPES, FrameHeader, FrameId
from stentor.core.ranges import SequenceRanges
from stentor.core.stage import FrameSpec
from stentor.wire import link, sockets
from stentor.wire.attachment import Attachment
from stentor.wire.ring import RingWriter, SlotRef

logger = logging.getLogger(__name__)

IDLE_WAIT_S: Final = 0.05
STUCK_WAIT_S: Final = 0.001
MAX_RANGES: Final = 4096
NEVER_HANDED_OVER: Final = "the image was named but never handed over; the log of its producer says why"


class _Run:
    """One acquisition as its producer sees it; guarded by the producer's lock."""

    def __init__(self, account: link.RunAccount) -> None:
        self.account = account
        self.next_sequence = 0
        self.in_hand: set[int] = set()  # named, and not yet handed over
        self.unsent = SequenceRanges()
        self.untold = SequenceRanges()
        self.is_news = True

    def lose(self, sequence: int) -> None:
        self.unsent.add(sequence)
        self.untold.add(sequence)


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
    """

    def __init__(
        self, rig: str, stream: str, *, source: str, spec: FrameSpec, clock: Clock, ring_slots: int = 16
    ) -> None:
        self._stream = stream
        self._source = source
        self._spec = spec
        self._clock = clock
        self._ring_slots = ring_slots
        self._lock = threading.Condition()
        self._queue: deque[link.Descriptor | link.Refusal] = deque()
        self._runs: dict[str, _Run] = {}
        self._current: _Run | None = None
        self._rings: list[RingWriter] = []
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
            self._current = self._runs[account.run] = _Run(account)
            self._lock.notify()
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
            sequence = self._current.next_sequence
            self._current.next_sequence += 1
            self._current.in_hand.add(sequence)
            return FrameId(self._stream, self._current.account.run, sequence)

    def hand_over(self, header: FrameHeader, pixels: NDArray[Any]) -> None:
        """Copy the pixels into the ring and queue their descriptor; a frame of a wrong kind is refused by name."""
        wrong = complaint(pixels)
        if wrong is not None:
            self.refuse(header.frame_id, wrong)
            return
        with self._lock:
            try:
                reference = self._ring_for(pixels.nbytes).put(pixels)
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
            for sequence in sorted(run.in_hand):
                self._enqueue(link.Refusal(FrameId(self._stream, run.account.run, sequence), NEVER_HANDED_OVER))
            run.account = structs.replace(run.account, ended=ended)
            run.is_news = True
            self._lock.notify()
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
        for ring in self._rings:
            ring.close()
        return settled

    def _enqueue(self, message: link.Descriptor | link.Refusal) -> None:
        frame_id = _frame_id(message)
        if frame_id.run in self._runs:
            self._runs[frame_id.run].in_hand.discard(frame_id.sequence)
        self._queue.append(message)
        if len(self._queue) > self._ring_slots:  # its slot is being overwritten anyway
            self._lose(self._queue.popleft())
        self._lock.notify()

    def _ring_for(self, frame_bytes: int) -> RingWriter:
        if not self._rings or not self._rings[-1].fits(frame_bytes):
            self._rings.append(RingWriter(frame_bytes, self._ring_slots))
            while len(self._rings) > 2:  # descriptors of the one before may still be on their way
                self._rings.pop(0).close()
        return self._rings[-1]

    def _lose(self, message: link.Descriptor | link.Refusal) -> None:
        frame_id = _frame_id(message)
        if frame_id.run in self._runs:
            self._runs[frame_id.run].lose(frame_id.sequence)

    # --- the sending thread -------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        made_by = sockets.Sockets()
        is_stuck = False
        try:
            while not self._is_closing:
                with self._lock:
                    if not self._queue or is_stuck:
                        self._lock.wait(STUCK_WAIT_S if is_stuck else IDLE_WAIT_S)
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

    def _introduction(self) -> link.Attach:
        with self._lock:
            accounts = tuple(self._account(run) for run in self._runs.values())
        return self._attachment.introduce(self._stream, self._source, self._spec, accounts)

    def _account(self, run: _Run) -> link.RunAccount:
        pending = [_frame_id(message) for message in self._queue]
        mine = [frame_id.sequence for frame_id in pending if frame_id.run == run.account.run]
        sent_below = min([*mine, *run.in_hand, run.next_sequence])
        return structs.replace(run.account, sent_below=sent_below, unsent=tuple(run.unsent.pairs()[-MAX_RANGES:]))

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
                run = self._runs.get(_frame_id(message).run)
                untold = run.untold.pairs() if run is not None else []
            is_sent = self._attachment.send(
                structs.replace(message, unsent=tuple(untold)) if isinstance(message, link.Descriptor) else message
            )
            with self._lock:
                if is_sent:
                    if run is not None and isinstance(message, link.Descriptor):
                        run.untold = SequenceRanges(pair for pair in run.untold.pairs() if pair not in untold)
                elif self._attachment.is_hopeful and len(self._queue) < self._ring_slots:
                    self._queue.appendleft(message)
                    return False
                else:
                    self._lose(message)

    def _heed(self, message: link.ToProducer) -> None:
        match message:
            case link.Ready():
                self.ready.set()
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


def complaint(pixels: NDArray[Any]) -> str | None:
    """Say why an image cannot be a frame and what to do about it; None: it can."""
    if pixels.ndim != 2:
        return (
            f"an image of shape {pixels.shape} is not one plane (Y, X); "
            "switch the camera to a grey pixel type (8 or 16 bit) or split the colours first"
        )
    if pixels.dtype.name not in PIXEL_DTYPES:
        return f"pixels of type {pixels.dtype} are not taken; convert them to {', '.join(PIXEL_DTYPES)}"
    if pixels.size == 0:
        return "an empty image; check the region of interest"
    return None


def _frame_id(message: link.Descriptor | link.Refusal) -> FrameId:
    return message.header.frame_id if isinstance(message, link.Descriptor) else message.frame_id
