"""Pymmcore-plus tap: sees the images of MDAs and of live mode on a `CMMCorePlus`, napari-micromanager's included."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from stentor.core.callback import GuardedCallback, guarded_callback
from stentor.core.errors import ConfigError
from stentor.tap.feed import Feed
from stentor.tap.frame_tap import FrameTap
from stentor.tap.live_sampler import LiveSampler
from stentor.wire.rendezvous import DEFAULT_NAME

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

STALE_SIGNALS: Final = ("roiSet", "pixelSizeChanged", "pixelSizeAffineChanged", "systemConfigurationLoaded")
LIVE_SIGNALS: Final = ("continuousSequenceAcquisitionStarted", "sequenceAcquisitionStarted")


class PymmcorePlusTap(FrameTap):
    """`connect(core)` once, at any time before or while images come; `disconnect` ends it, and then it may be
    connected again. The host's code stays as it is.

    MDAs are seen whole. Live mode is sampled: the newest image is looked at as often as `live_rate_hz` says, without
    taking it from whoever shows it; what the camera made in between stands in the ledger as holes in its numbering.
    For the other parameters and the rest see `FrameTap`.
    """

    def __init__(
        self,
        rig: str = DEFAULT_NAME,
        *,
        stream: str = "camera",
        images: bool | Sequence[str] = False,
        ring_slots: int = 16,
        chip_wh: tuple[int, int] | None = None,
        live_rate_hz: float = 20.0,
    ) -> None:
        super().__init__(rig, stream=stream, images=images, ring_slots=ring_slots, chip_wh=chip_wh)
        self._live_rate_hz = live_rate_hz
        self._connections: list[tuple[Any, GuardedCallback[...]]] = []
        self._sampler: LiveSampler | None = None
        self._is_cancelled = False

    def connect(self, core: "CMMCorePlus") -> None:
        """Watch this core.

        Connect before listeners of your own: one that raises makes pymmcore-plus skip those after it.

        Raises
        ------
        ConfigError
            If the tap is connected already.
        SourceError
            If there is no room for the ring.
        """
        if self._sampler is not None:
            raise ConfigError("this tap is connected already; disconnect it first, or make another with its own stream")
        feed = self._open_feed(core, "pymmcore-plus")
        self._sampler = sampler = LiveSampler(core, feed, rate_hz=self._live_rate_hz)
        mda = core.mda.events
        self._on(mda.sequenceStarted, lambda *_: self._begin_mda(feed))
        self._on(mda.frameReady, lambda image, event, metadata: feed.take(image, metadata, event=event))
        self._on(mda.sequenceCanceled, lambda *_: self._note_cancel())
        self._on(mda.sequenceFinished, lambda *_: self._end_mda(feed))
        for name in STALE_SIGNALS:
            self._on(getattr(core.events, name), lambda *_: feed.mark_stale())
        for name in LIVE_SIGNALS:
            self._on(getattr(core.events, name), lambda *_: sampler.wake())
        sampler.wake()

    def disconnect(self, timeout_s: float = 2.0) -> bool:
        """Watch no more, and let the daemon take what is on its way; may be called twice.

        Returns False when nobody took it within `timeout_s`, or there is no daemon.
        """
        for signal, callback in self._connections:
            signal.disconnect(callback)
        self._connections.clear()
        if self._sampler is not None:
            self._sampler.close()
            self._sampler = None
        feed, self._feed = self._feed, None
        return feed is not None and feed.close(timeout_s)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Disconnect as `disconnect` does, and let go."""
        is_settled = self.disconnect(timeout_s)
        super().close(timeout_s)
        return is_settled

    def _on(self, signal: Any, callback: Callable[..., None]) -> None:
        guarded = guarded_callback(callback, name="the tap")
        signal.connect(guarded)
        self._connections.append((signal, guarded))

    def _begin_mda(self, feed: Feed) -> None:
        self._is_cancelled = False
        feed.begin_run()

    def _note_cancel(self) -> None:
        self._is_cancelled = True

    def _end_mda(self, feed: Feed) -> None:
        feed.end_run("aborted" if self._is_cancelled else "completed")
