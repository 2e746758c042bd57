"""Door: the scope's socket for requests, and the eye on whoever promised signs of life."""

import hmac
import logging
import os
import queue
import threading
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from stentor.core.action import Receipt, Request, shortened
from stentor.core.callback import guarded_callback
from stentor.core.clock import Clock
from stentor.core.nearest import explain
from stentor.scope.hands.desk import LONGEST_TEXT, Desk
from stentor.wire import platforms, rendezvous, request, sockets

logger = logging.getLogger(__name__)

POLL_S: Final = 0.05
DEPTH: Final = 64
UNSENT: Final = 1024


class Door:
    """`open` once the desk is ready, `close` at last (may be called twice).

    Parameters
    ----------
    port
        On 127.0.0.1; 0: the system chooses.

    Raises
    ------
    PublishError
        If the port is taken.
    """

    def __init__(self, desk: Desk, clock: Clock, *, rig: str, port: int = 0) -> None:
        self._desk = desk
        self._rig = rig
        self._token = rendezvous.new_token()
        self._made_by = sockets.Sockets()
        self._socket = self._made_by.serve(port=port, depth=DEPTH)
        self._waiter = sockets.Waiter(self._socket)
        self._receipts: queue.Queue[tuple[bytes, Receipt]] = queue.Queue(UNSENT)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=guarded_callback(self._serve), name="scope-door", daemon=True)
        # Whatever a message may hold or a log may say: the thread behind the door must outlive it.
        self._heed = guarded_callback(self._read, name="a request")
        self._watch = guarded_callback(desk.watch)
        self._clock = clock
        self.ignored_messages = 0

    def open(self) -> None:
        """Announce where requests go, and take them."""
        self._thread.start()
        pid = os.getpid()
        rendezvous.announce(
            rendezvous.Rendezvous(
                name=request.scope_name(self._rig),
                pid=pid,
                birth=platforms.process_birth(pid) or 0,
                started_wall_ns=self._clock.wall_ns(),
                token=self._token,
                endpoints=rendezvous.Endpoints("", "", "", self._socket.endpoint),
            )
        )

    def close(self) -> None:
        """Take nothing more; what is answered already still goes out."""
        rendezvous.withdraw(request.scope_name(self._rig), os.getpid())
        self._stopping.set()
        self._waiter.wake()
        if self._thread.is_alive():
            self._thread.join(1.0)
        self._waiter.close()
        self._made_by.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._waiter.wait(POLL_S)
            # Not all that have come: under a flood there is always one more, and nobody else would get an answer.
            for parts in islice(iter(self._socket.receive, None), DEPTH):
                self._heed(parts)
            self._send()
            self._watch()
        self._send()

    def _read(self, parts: list[bytes]) -> None:
        if len(parts) != 3 or not hmac.compare_digest(parts[1], self._token.encode()):
            self.ignored_messages += 1
            return
        try:
            asked = request.decode_request(parts[2])
        except msgspec.DecodeError as err:
            self._refuse(parts, err)
            return
        self._desk.take(asked, partial(self._answer, parts[0]))

    def _refuse(self, parts: list[bytes], err: msgspec.DecodeError) -> None:
        """Answer what could not be read, where it says at least who asks: he would wait, and be told of no answer.

        It is not in the decision log, which keeps actions: this is none.
        """
        sender, said = request.read_sender(parts[2]), shortened(explain(err, Request), LONGEST_TEXT)
        if sender is None:
            self.ignored_messages += 1
            logger.warning("a request could not be read and is ignored: %s", said)
            return
        logger.warning(
            "request %.80r of %.80r could not be read and is refused: %s", sender.id, sender.cause.controller, said
        )
        now_ns = self._clock.monotonic_ns()
        receipt = Receipt(
            id=sender.id,
            verdict="refused",
            rule=request.UNREADABLE,
            text=said,
            received_ns=now_ns,
            done_ns=now_ns,
            clock_id=self._clock.clock_id,
        )
        self._answer(parts[0], receipt)

    def _answer(self, identity: bytes, receipt: Receipt) -> None:
        """Queue an answer; from any thread."""
        try:
            self._receipts.put_nowait((identity, receipt))
        except queue.Full:  # whoever floods and reads nothing loses answers, and can ask again by id
            return
        self._waiter.wake()

    def _send(self) -> None:
        while not self._receipts.empty():
            identity, receipt = self._receipts.get_nowait()
            self._socket.send([identity, request.encode(receipt)])
