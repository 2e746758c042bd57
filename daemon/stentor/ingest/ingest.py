"""Ingest: take descriptors from producers, copy pixels out of the ring, and account for every frame.

Does not die of a frame: what cannot be decoded or trusted is counted and ignored.
"""

import hmac
import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Final

import msgspec

from stentor import __version__
from stentor.core.doors import DoorTimes
from stentor.core.errors import SourceError
from stentor.core.frame import ASKED, FrameHeader, Plane
from stentor.core.ledger import FrameLedger, RunInfo
from stentor.core.mailbox import Mailbox
from stentor.core.outcome import Dropped, DropReason, Failed, Unused
from stentor.core.stage import FrameSpec
from stentor.ingest.arrival import Arrived, LentPlane, alone
from stentor.ingest.camera_numbers import CameraNumbers
from stentor.ingest.flow import TELL_EVERY_S, Flow
from stentor.ingest.gather import Gather
from stentor.ingest.header_check import check_header
from stentor.ingest.pool import FramePool
from stentor.ingest.settings import GatherSettings
from stentor.wire import link, rendezvous, sockets
from stentor.wire.ring import RingReader

logger = logging.getLogger(__name__)

POLL_S: Final = 0.05
DEPTH: Final = 1024
KEEP_MOST: Final = 64
NOTHING_GATHERED: Final = GatherSettings()
DAEMON_LOST: Final = Failed("daemon", "daemon-lost")


class IngestHealth(msgspec.Struct):
    """What the front door counts besides frames."""

    ignored_messages: int = 0
    duplicate_frames: int = 0
    attached: int = 0


class Ingest:
    """One thread that owns the frames socket; `start`, later `stop` (may be called twice).

    Parameters
    ----------
    gather
        Which images make one frame.
    wants
        Whether any plan wants a frame with this header; the others are `unused`.
    is_awaited
        Whether somebody waits for the frame with this header; asked once for every frame.
    on_attach
        Called in ingest's thread when a producer introduces itself, with what its frames will look like.
    """

    def __init__(
        self,
        made_by: sockets.Sockets,
        ledger: FrameLedger,
        mailbox: Mailbox[Arrived],
        pool: FramePool,
        *,
        token: str,
        gather: GatherSettings = NOTHING_GATHERED,
        wants: Callable[[FrameHeader], bool] = lambda header: True,
        is_awaited: Callable[[FrameHeader], bool] = lambda header: False,
        on_attach: Callable[[FrameSpec], None] = lambda spec: None,
    ) -> None:
        self._ledger = ledger
        self._mailbox = mailbox
        self._pool = pool
        self._token = token.encode()
        self._gather = Gather(gather)
        self._wants = wants
        self._is_awaited = is_awaited
        self._on_attach = on_attach
        self._socket = made_by.serve(depth=DEPTH)
        self.endpoint = self._socket.endpoint
        self._waiter = sockets.Waiter(self._socket)
        self._rings = RingReader()
        self._producers: dict[str, bytes] = {}
        self._camera_numbers = CameraNumbers()
        self._flow = Flow(lambda run: ledger.closed(run) + self._gather.held(run))
        self._closing_runs: dict[str, tuple[bytes, str]] = {}
        self._to_send: list[tuple[bytes, link.ToProducer]] = []
        self._turned_at = time.monotonic()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.is_paused = threading.Event()
        self.is_ready = threading.Event()
        self.health = IngestHealth()
        self._thread = threading.Thread(target=self._receive_all, name="ingest", daemon=True)

    @property
    def producers(self) -> tuple[str, ...]:
        """Streams whose producers have introduced themselves."""
        with self._lock:
            return tuple(self._producers)

    @property
    def silent_s(self) -> float:
        """Seconds since ingest's thread last went round."""
        return time.monotonic() - self._turned_at

    def start(self) -> None:
        """Begin to listen."""
        self._turned_at = time.monotonic()
        self._thread.start()

    def welcome(self) -> None:
        """Tell all producers, present and future, that frames are welcome."""
        self.is_ready.set()
        self._tell_all(link.Ready())

    def stop_acquisitions(self) -> int:
        """Ask every attached producer to end its acquisition; returns how many were asked."""
        self._tell_all(link.StopAcquisition())
        return len(self._producers)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop listening and let go; may be called twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._give_up(self._gather.end())
        self._socket.close()
        self._waiter.close()
        self._rings.close()

    def _tell_all(self, message: link.ToProducer) -> None:
        with self._lock:
            self._to_send += [(identity, message) for identity in self._producers.values()]
        self._waiter.wake()

    def _receive_all(self) -> None:
        while not self._stopping.is_set():
            self._turned_at = time.monotonic()
            self._waiter.wait(TELL_EVERY_S if self._flow.is_owed else POLL_S)
            self._receive_waiting()
            self._close_finished_runs()
            self._send_waiting()
            if not self.is_paused.is_set():  # a lossless producer waits then
                self._flow.tell(self._send)

    def _receive_waiting(self) -> None:
        for _ in range(DEPTH):
            parts = self._socket.receive()
            if parts is None:
                return
            if len(parts) != 3 or not hmac.compare_digest(parts[1], self._token):
                self.health.ignored_messages += 1
                continue
            try:
                message = link.decode_to_daemon(parts[2])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.health.ignored_messages += 1
                continue
            self._heed(parts[0], message)

    def _heed(self, identity: bytes, message: link.ToDaemon) -> None:
        match message:
            case link.Attach():
                self._attach(identity, message)
            case link.RunNews(account):
                self._know(identity, account)
            case link.Descriptor(header, _, _, unsent):
                self._ensure_run(header.frame_id.stream, header.frame_id.run, header.clock_id)
                if unsent:
                    self._ledger.close_ranges(header.frame_id.run, unsent, Dropped(DropReason.NO_DAEMON))
                self._take(message)
            case link.Refusal(frame_id, reason):
                self._ensure_run(frame_id.stream, frame_id.run, "")
                self._ledger.close(frame_id, Failed("source", reason))

    def _attach(self, identity: bytes, attach: link.Attach) -> None:
        if attach.protocol != rendezvous.PROTOCOL_VERSION:
            reason = (
                f"it speaks protocol {attach.protocol}, this daemon {rendezvous.PROTOCOL_VERSION}; "
                f"mend it in the producer's environment with: pip install 'stentor=={__version__}'"
            )
            with self._lock:
                self._to_send.append((identity, link.Denied(reason)))
            return
        logger.info("%s attached: %s, process %d", attach.stream, attach.source, attach.pid)
        with self._lock:
            self._producers[attach.stream] = identity
            if self.is_ready.is_set():
                self._to_send.append((identity, link.Ready()))
        self.health.attached += 1
        self._flow.attach(attach)
        for account in attach.runs:
            self._know(identity, account)
        self._on_attach(attach.spec)

    def _know(self, identity: bytes, account: link.RunAccount) -> None:
        self._ledger.begin_run(
            RunInfo(
                stream=account.stream,
                run=account.run,
                started_wall_ns=account.started_wall_ns,
                clock_id=account.clock_id,
                expected=account.expected,
            )
        )
        self._flow.begin(identity, account)
        self._ledger.close_ranges(account.run, account.unsent, Dropped(DropReason.NO_DAEMON))
        # What was sent before this account arrived, over the same ordered connection, has been entered by now.
        self._ledger.close_holes(account.run, account.sent_below, DAEMON_LOST)
        if account.ended is not None:
            self._give_up(self._gather.end_run(account.run))
            self._closing_runs[account.run] = (identity, account.ended)

    def _ensure_run(self, stream: str, run: str, clock_id: str) -> None:
        self._ledger.begin_run(RunInfo(stream=stream, run=run, started_wall_ns=0, clock_id=clock_id))

    def _take(self, descriptor: link.Descriptor) -> None:
        header = descriptor.header
        if not self._ledger.enter(header):
            self.health.duplicate_frames += 1
            return
        missing = self._camera_numbers.hole_before(header)
        if missing:
            self._ledger.note_camera_gap(header.frame_id, missing)
        if self.is_paused.is_set() and not self._flow.is_lossless(header.frame_id.stream):
            self._ledger.close(header.frame_id, Dropped(DropReason.PAUSED))
        elif not self._wants(header):
            self._ledger.close(header.frame_id, Unused())
        else:
            self._put(descriptor)

    def _put(self, descriptor: link.Descriptor) -> None:
        header = descriptor.header
        try:
            check_header(header)
        except SourceError as err:
            self._ledger.close(header.frame_id, Failed("ingest", str(err)))
            return
        buffer = self._pool.lend(header.shape_yx, header.dtype)
        if not self._rings.copy(descriptor.pixels, buffer):
            self._pool.take_back(buffer)
            self._ledger.close(header.frame_id, Dropped(DropReason.OVERWRITTEN))
            return
        pixels = buffer.view()
        pixels.flags.writeable = False
        times = DoorTimes(received=header.received_ns, tapped=descriptor.tapped_ns)
        one = LentPlane(Plane(header, pixels), buffer, times)
        try:
            whole, given_up = self._gather.add(one)
        except SourceError as err:
            alone(one).close(Failed("gather", str(err)), self._ledger, self._pool)
            return
        self._give_up(given_up)
        if whole is not None:
            for replaced in self._mailbox.put(slot_of(header), whole, must_keep=self._must_keep(whole)):
                replaced.close(Dropped(DropReason.SUPERSEDED), self._ledger, self._pool)

    def _must_keep(self, whole: Arrived) -> bool:
        if self._flow.is_lossless(whole.frame.frame_id.stream):
            return True
        is_wanted = [ASKED in one.header.axes or self._is_awaited(one.header) for one in whole.lent]
        # A backlog of frames that must not be dropped would grow without end behind a slow model.
        return any(is_wanted) and len(self._mailbox) < KEEP_MOST

    def _give_up(self, groups: Iterable[tuple[Arrived, Failed]]) -> None:
        for group, failed in groups:
            group.close(failed, self._ledger, self._pool)

    def _close_finished_runs(self) -> None:
        for run, (identity, ended) in list(self._closing_runs.items()):
            if not self._ledger.has_open(run):
                self._ledger.end_run(run, ended)
                del self._closing_runs[run]
                self._flow.end(run)
                with self._lock:
                    self._to_send.append((identity, link.RunClosed(run)))

    def _send_waiting(self) -> None:
        with self._lock:
            waiting, self._to_send = self._to_send, []
        for identity, message in waiting:
            if not self._send(identity, message):
                # The producer is gone, or too busy to listen; it introduces itself again when it returns.
                logger.debug("a producer could not be told %s", message)

    def _send(self, identity: bytes, message: link.ToProducer) -> bool:
        return self._socket.send([identity, link.encode(message)])


def slot_of(header: FrameHeader) -> Hashable:
    """Name the mailbox slot of a frame: newest wins within one stream, camera and position only."""
    return (header.frame_id.stream, header.camera, header.p)
