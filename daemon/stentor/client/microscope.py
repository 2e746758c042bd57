"""Microscope: results and hands in one, for scripts."""

import logging
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from stentor.client.listener import Listener
from stentor.client.result import Result
from stentor.core.action import (
    Acquire,
    Action,
    Alive,
    Disarm,
    MoveXY,
    MoveZ,
    Receipt,
    SetChannel,
    SetExposure,
    SetProperty,
    SetRoi,
)
from stentor.core.clock import NS_PER_MS
from stentor.core.errors import PublishError
from stentor.core.frame import ASKED, FrameHeader
from stentor.core.microscope import Microscope
from stentor.wire import rendezvous
from stentor.wire.platforms import system_clock
from stentor.wire.request import ScopeLink

logger = logging.getLogger(__name__)

REGISTER_WITHIN_S: Final = 1.0
EXPECT_MOST: Final = 64
EXPECT_FOR_S: Final = 300.0
GOODBYE_WITHIN_S: Final = 0.3
CHANGES: Final = (MoveXY, MoveZ, SetExposure, SetChannel, SetProperty, SetRoi)
"""What makes the next image another one."""


class ConnectedMicroscope(Microscope):
    """Made by `connect`; use it in a `with` statement. Belongs to one thread."""

    def __init__(self, rig: str, *, controller: str, **options: Any) -> None:
        self._link = ScopeLink(rig)
        super().__init__(self._link.ask, system_clock(), controller=controller)
        self._listener = Listener(rig, **{"delivery": "control", **options})
        self._is_watched = False
        self._changed: tuple[int | None, str] = (None, "")
        # Now: a result that this script asks for before it first listens would go to nobody.
        self._listener.wait_until_registered(REGISTER_WITHIN_S)

    def results(self, timeout_s: float = 1.0) -> Result | None:
        """Return the newest result that was not returned before; None: there was none in time."""
        return self._listener.receive(timeout_s)

    def wait_for(self, axes: Mapping[str, int | str] | None = None, *, timeout_s: float = 2.0) -> Result:
        """Wait for the result of a frame with these axes, such as `{"t": 12, "p": 0}`; None: of the next frame.

        Axes are as the acquisition wrote them; "t", "c", "z" and "p" also match what was derived from them. From the
        call on such a frame is analysed and its result kept for this script, whatever newer frames come. Without axes,
        a frame whose exposure began before this script's last move or change of the microscope was done is passed by.

        Raises
        ------
        TimeoutError
            If it does not come. It may have been dropped or have failed: the ledger says.
        """
        if axes:
            self._listener.expect(axes, timeout_s)
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            result = self._listener.receive(left_s)
            if result is not None and (result.frame.has_axes(axes) if axes else self._is_after_change(result.frame)):
                return result
        whose = f"with axes {dict(axes)} " if axes else ""
        raise TimeoutError(
            f"no result {whose}in {timeout_s:g} s; `stentor status` says whether the acquisition is held up, `stentor "
            "ledger` what became of frames"
        )

    def do(self, action: Action, **why: Any) -> Receipt:
        """Ask for any action; results of images that it takes are kept for `wait_for`."""
        before = self._changed
        if isinstance(action, CHANGES):  # what is not answered may have been done
            self._changed = self._clock.monotonic_ns(), self._clock.clock_id
        receipt = super().do(action, **why)
        if isinstance(action, Alive):
            self._is_watched = not action.is_last
        if isinstance(action, CHANGES):
            is_made = receipt.verdict in ("done", "failed")
            self._changed = (receipt.done_ns, receipt.clock_id) if is_made else before
        if isinstance(action, Acquire) and receipt.is_done:
            first, images = int(receipt.read_back["asked"]), int(receipt.read_back["images"])
            for number in range(first, first + min(images, EXPECT_MOST)):
                self._listener.expect({ASKED: number}, EXPECT_FOR_S)
        return receipt

    def disarm(self, **why: Any) -> Any:
        """Let no request reach the hardware until an operator arms again."""
        return self.do(Disarm(), **why)

    def close(self) -> None:
        """Let go; may be called twice. A script that gave signs of life says goodbye, unless an exception ends it."""
        if self._is_watched:
            self._is_watched = False
            try:
                self.do(Alive(is_last=True), timeout_s=GOODBYE_WITHIN_S)
            except PublishError as err:  # then nobody misses it either
                logger.debug("no goodbye: %s", err)
        self._listener.close()
        self._link.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_end = kind is None or (isinstance(error, SystemExit) and not error.code)
        if not is_end:
            self._is_watched = False  # it is the guard's silence that is meant for this
        super().__exit__(kind, error, trace)

    def _is_after_change(self, frame: FrameHeader) -> bool:
        changed_ns, clock_id = self._changed
        if changed_ns is None or frame.clock_id != clock_id:
            return True
        end_ns = frame.received_ns if frame.exposure_end_ns is None else frame.exposure_end_ns
        return end_ns - (frame.exposure_ms or 0.0) * NS_PER_MS >= changed_ns


def connect(rig: str = rendezvous.DEFAULT_NAME, *, controller: str = "script", **options: Any) -> ConnectedMicroscope:
    """Connect to a running rig, to see its results and to ask its microscope for things.

    Parameters
    ----------
    controller
        Name in the decision log.
    options
        As of `Listener`, for the results; `delivery` is "control", newest first, unless said otherwise.

    Raises
    ------
    PublishError
        If nothing of that rig is running.
    """
    if rendezvous.find(rig) is None:
        raise PublishError(f"no daemon of rig {rig!r} is running; start one with `stentor run`, or give its name")
    return ConnectedMicroscope(rig, controller=controller, **options)
