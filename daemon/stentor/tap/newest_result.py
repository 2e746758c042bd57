"""Newest result: the daemon's latest word, kept for a host that asks when it likes."""

import logging
import os
import threading
import uuid
from collections.abc import Sequence

from stentor.client.listener import Listener
from stentor.client.result import Result
from stentor.core.callback import guarded_callback

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2


class NewestResult:
    """A listener in class control on a thread of its own, so that what the host gets is new and not what has waited
    in a socket since it last asked. `get` from any thread; `close` may be called twice.
    """

    def __init__(self, rig: str, stream: str, *, images: bool | Sequence[str]) -> None:
        self._rig = rig
        self._name = f"tap-{stream}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._images = images
        self._changed = threading.Condition()
        self._newest: Result | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=guarded_callback(self._listen), name="tap-results", daemon=True)
        self._thread.start()

    def get(self, timeout_s: float) -> Result | None:
        """Return the newest result that has not been returned before; None: there was none within `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None, timeout_s)
            newest, self._newest = self._newest, None
            return newest

    def close(self) -> None:
        """Take leave of the daemon."""
        self._stopping.set()
        self._thread.join(2 * LOOK_EVERY_S + 1.0)

    def _listen(self) -> None:
        with Listener(self._rig, name=self._name, delivery="control", images=self._images) as listener:
            while not self._stopping.is_set():
                result = listener.receive(LOOK_EVERY_S)
                if result is not None:
                    with self._changed:
                        self._newest = result
                        self._changed.notify_all()
