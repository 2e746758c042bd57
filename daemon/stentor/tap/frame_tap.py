"""Frame tap: what every tap has, whichever program it sits in."""

import atexit
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from stentor import __version__
from stentor.client.result import Result
from stentor.tap.feed import Feed
from stentor.tap.newest_result import NewestResult
from stentor.wire import platforms
from stentor.wire.rendezvous import DEFAULT_NAME, path_of

if TYPE_CHECKING:
    import pymmcore

logger = logging.getLogger(__name__)

EXIT_WITHIN_S: Final = 1.0


class FrameTap:
    """Shows the frames of a running program to the daemon of a rig, and the daemon's results to the program.

    It only watches: it never waits for the daemon, never raises into its host once it is made, and goes on when the
    daemon dies and returns. Any thread may call anything; `close` may be called twice, and is called at exit.

    Parameters
    ----------
    rig
        Name of the rig, as in the configuration that `stentor run` was given.
    stream
        Name of the camera in every frame's id; two taps of one rig need two.
    images
        Images to receive with the results, as in `Listener`: True for all that the plan computes, or names.
    ring_slots
        Frames that the daemon may lag behind before the oldest is overwritten.
    chip_wh
        Width and height of the camera's whole chip in pixels, needed only where a region of interest is set already
        when the tap is made; None: as the camera says.

    Raises
    ------
    ConfigError
        If the rig's name could not be one.
    """

    def __init__(
        self,
        rig: str = DEFAULT_NAME,
        *,
        stream: str = "camera",
        images: bool | Sequence[str] = False,
        ring_slots: int = 16,
        chip_wh: tuple[int, int] | None = None,
    ) -> None:
        path_of(rig)
        self._rig = rig
        self._stream = stream
        self._ring_slots = ring_slots
        self._chip_wh = chip_wh
        self._feed: Feed | None = None
        self._newest = NewestResult(rig, stream, images=images)
        atexit.register(self._close_at_exit)

    @property
    def is_attached(self) -> bool:
        """Whether a daemon takes the frames now."""
        return self._feed is not None and self._feed.is_attached

    @property
    def problem(self) -> str | None:
        """Why the daemon refuses this tap, with the remedy; None: it does not."""
        return None if self._feed is None else self._feed.denied

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Wait until the daemon's models are warm; False: they are not, or there is no daemon. Nobody must."""
        return self._feed is not None and self._feed.wait_until_ready(timeout_s)

    def results(self, timeout_s: float = 0.0) -> Result | None:
        """Return the newest result that has not been returned before.

        Parameters
        ----------
        timeout_s
            How long to wait for one; 0: do not wait. Never wait in a callback of the acquisition.

        Returns
        -------
        Result | None
            None: there was none, the daemon is away, or not ready yet.
        """
        return self._newest.get(timeout_s)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Let the daemon take what is on its way, and let go.

        Returns False when nobody took it within `timeout_s`, or there is no daemon.
        """
        atexit.unregister(self._close_at_exit)
        self._newest.close()
        return self._feed is not None and self._feed.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _close_at_exit(self) -> None:
        self.close(EXIT_WITHIN_S)

    def _open_feed(self, core: "pymmcore.CMMCore", host: str) -> Feed:
        self._feed = Feed(
            core,
            rig=self._rig,
            stream=self._stream,
            source=f"{host} tap of stentor {__version__}",
            clock=platforms.system_clock(),
            ring_slots=self._ring_slots,
            chip_wh=self._chip_wh,
        )
        return self._feed
