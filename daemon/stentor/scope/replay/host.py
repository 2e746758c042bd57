"""Replay host: hands the images of a recording to the daemon, at their pace, as a scope does with a camera's."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.core.clock import NS_PER_S, Clock
from stentor.core.errors import SourceError, StentorError
from stentor.core.stage import FrameSpec
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.replay.follow import images_of
from stentor.scope.replay.header import ReplayHeaderMaker
from stentor.scope.replay.opening import open_recording, spec_of
from stentor.scope.replay.pace import Pace, check_pace
from stentor.scope.replay.patience import Patience
from stentor.scope.replay.recording import RecordedImage, Recording
from stentor.scope.replay.settings import ReplaySettings
from stentor.wire import ring
from stentor.wire.complaint import complaint
from stentor.wire.producer import FrameProducer

logger = logging.getLogger(__name__)

BEAT_EVERY_S: Final = 0.1
SETTLE_AT_ONCE_S: Final = 1.5
NO_PIXELS: Final = np.zeros((0, 0), np.uint8)
UNKNOWN_SPEC: Final = FrameSpec((512, 512))


class ReplayHost:
    """Used once, by the main thread of the scope process: `run`.

    Parameters
    ----------
    skip
        Images that a process before this one has named already.
    beat
        Called every tenth of a second while this process lives.
    on_frame
        Called once for every image that was named.
    must_stop
        Asked every tenth of a second whether to end the replay.
    """

    def __init__(
        self,
        replay: ReplaySettings,
        acquisition: AcquisitionSettings,
        *,
        rig_name: str,
        stream: str,
        ring_slots: int,
        clock: Clock,
        skip: int,
        beat: Callable[[], None],
        on_frame: Callable[[], None],
        must_stop: Callable[[], bool],
    ) -> None:
        self._replay = replay
        self._acquisition = acquisition
        self._rig_name = rig_name
        self._stream = stream
        self._ring_slots = ring_slots
        self._clock = clock
        self._skip = skip
        self._beat = beat
        self._on_frame = on_frame
        self._patience = Patience(acquisition.wait_for_daemon_s, clock, must_stop=must_stop)
        self._is_over = threading.Event()

    def run(self) -> None:
        """Replay to the end; an image that cannot be read costs itself only.

        Raises
        ------
        ConfigError
            If there is nothing to replay, or not at this pace.
        SourceError
            If the recording cannot be read any more, or the daemon stayed away from a lossless replay.
        """
        ring.sweep()
        pulse = threading.Thread(target=self._beat_on, name="replay-pulse", daemon=True)
        pulse.start()
        try:
            with closing(open_recording(self._replay)) as recording:
                self._replay_all(recording)
        finally:
            self._is_over.set()
            pulse.join(1.0)

    def _replay_all(self, recording: Recording) -> None:
        images = images_of(
            recording,
            is_growing=self._replay.follow,
            idle_timeout_s=self._replay.idle_timeout_s,
            clock=self._clock,
            wait=lambda wait_s: not self._patience.pause_until(self._clock.monotonic_ns() + round(wait_s * NS_PER_S)),
        )
        first = next(images, None)
        if first is None:
            logger.warning("%s: no image came", self._replay.path)
            return
        check_pace(self._replay, first)
        producer = FrameProducer(
            self._rig_name,
            self._stream,
            source=f"replay of {self._replay.path}",
            spec=spec_of(first, self._replay) or UNKNOWN_SPEC,
            clock=self._clock,
            ring_slots=self._ring_slots,
            is_lossless=self._replay.is_lossless,
        )
        self._patience.heed(producer)
        try:
            if self._wait_for_analysis(producer):
                self._run(producer, chain([first], images), None if self._replay.follow else recording.count())
        finally:
            # One may just be starting again that takes the account.
            self._patience.wait_a_while_for(lambda: producer.is_settled)
            if not producer.close(SETTLE_AT_ONCE_S):
                logger.warning("no daemon took the account of the replay")

    def _run(self, producer: FrameProducer, images: Iterator[RecordedImage], count: int | None) -> None:
        headers = ReplayHeaderMaker(self._replay, clock_id=self._clock.clock_id)
        for image in islice(images, self._skip):
            headers.indices(image.axes)
        left = [n for n in (None if count is None else count - self._skip, self._acquisition.frames) if n is not None]
        producer.begin_run(min(left, default=None))
        try:
            is_whole = self._hand_over_all(producer, headers, islice(images, self._acquisition.frames))
        except StentorError as err:
            producer.end_run(f"failed: {err}")
            raise
        producer.end_run("completed" if is_whole else "aborted")
        logger.info("replay %s", "completed" if is_whole else "aborted")

    def _hand_over_all(
        self, producer: FrameProducer, headers: ReplayHeaderMaker, images: Iterator[RecordedImage]
    ) -> bool:
        """Hand over one image after the other; False: somebody asked for the end."""
        pace = Pace(self._replay, self._clock)
        for image in images:
            pixels, wrong = _read(image)
            n_bytes = 0 if wrong is not None else pixels.nbytes
            if not self._patience.pause_until(pace.due_ns(image)) or not self._wait_for_room(producer, n_bytes):
                return False
            frame_id = producer.next_id()
            self._on_frame()
            if wrong is None:
                producer.hand_over(headers.make(image, pixels, frame_id, self._clock.monotonic_ns()), pixels)
            else:
                headers.indices(image.axes)
                producer.refuse(frame_id, wrong)
        if not self._replay.is_lossless:
            return not self._patience.is_stopped
        return self._patience.wait_for(producer, producer.wait_until_settled)

    def _wait_for_room(self, producer: FrameProducer, n_bytes: int) -> bool:
        if not self._replay.is_lossless:
            return not self._patience.is_stopped
        return self._patience.wait_for(producer, lambda timeout_s: producer.wait_for_room(n_bytes, timeout_s))

    def _wait_for_analysis(self, producer: FrameProducer) -> bool:
        if self._replay.is_lossless:
            return self._patience.wait_for(producer, producer.ready.wait)
        if not self._patience.wait_a_while_for(lambda: producer.ready.is_set() or producer.denied is not None):
            logger.warning("the analysis is not ready; starting all the same")
        return not self._patience.is_stopped

    def _beat_on(self) -> None:
        while not self._is_over.wait(BEAT_EVERY_S):
            self._beat()


def _read(image: RecordedImage) -> tuple[NDArray[Any], str | None]:
    """Return the pixels, or why they cannot be a frame."""
    try:
        pixels = image.read()
    except SourceError as err:
        return NO_PIXELS, str(err)
    return pixels, complaint(pixels)
