"""Frame maker: turns what the host's threads have left into named frames with headers, run by run."""

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import structs

from stentor.core.clock import Clock
from stentor.core.errors import SourceError
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.microscope.arrival import Arrival
from stentor.microscope.core_state import read_chip, read_spec
from stentor.microscope.header import HeaderMaker
from stentor.tap.sighting import Sighting
from stentor.tap.slots import Slots
from stentor.wire.producer import FrameProducer

if TYPE_CHECKING:
    import pymmcore

TOO_MANY: Final = "the tap's own thread was too many images behind; does the core or the disk hang?"
BROKEN: Final = (SourceError, RuntimeError, ValueError, LookupError, TypeError, OSError)
"""What a core raises: it costs the frame, which is refused by name."""
UNKNOWN_SHAPE: Final = (512, 512)


class FrameMaker:
    """Used by the feed's thread only, which may wait for the core; `close` comes last, from any thread.

    It introduces itself to the daemon as soon as it knows what frames look like: when it is made, or, where the core
    has no camera yet, with the first frame.
    """

    def __init__(
        self,
        core: "pymmcore.CMMCore",
        slots: Slots,
        *,
        rig: str,
        stream: str,
        source: str,
        clock: Clock,
        ring_slots: int,
        chip_wh: tuple[int, int] | None,
    ) -> None:
        self._core = core
        self._slots = slots
        self._rig = rig
        self._stream = stream
        self._source = source
        self._clock = clock
        self._ring_slots = ring_slots
        self._chip_wh = chip_wh
        self._run: str | None = None
        self._headers: HeaderMaker | None = None
        self.is_stale = False
        self.producer: FrameProducer | None = None
        if core.getCameraDevice():
            self._introduce(read_spec(core))

    def see(self, seen: Sighting) -> None:
        """Make a frame of one image, or refuse it by name."""
        producer = self.producer
        if producer is None:
            shape_yx = (seen.shape[0], seen.shape[1]) if len(seen.shape) == 2 else UNKNOWN_SHAPE
            producer = self._introduce(FrameSpec(shape_yx, seen.dtype.name))
        frame_id = self._next_id(producer)
        if seen.kept is None:
            producer.refuse(frame_id, seen.wrong or "its pixels could not be kept")
            return
        try:
            reference = self._slots.place(seen.kept)
            header = self._header(seen, frame_id)
        except BROKEN as err:
            producer.refuse(frame_id, str(err))
            return
        producer.announce(header, reference, seen.tapped_ns)

    def account_for(self, skipped: int) -> None:
        """Name and refuse images that nobody had time for."""
        if self.producer is not None:
            for _ in range(skipped):
                self.producer.refuse(self._next_id(self.producer), TOO_MANY)

    def end_run(self, ended: str) -> None:
        """End the run in progress; does nothing when there is none."""
        if self.producer is not None and self._run is not None:
            self.producer.end_run(ended)
        self._run = None

    def close(self, timeout_s: float) -> bool:
        """Wait until the daemon has closed all runs, not at all without one; tells whether it has."""
        if self.producer is None:
            return False
        return self.producer.close(timeout_s if self.producer.is_attached else 0.0)

    def _next_id(self, producer: FrameProducer) -> FrameId:
        if self._run is None:
            self._run = producer.begin_run()
            self._headers = None
        return producer.next_id()

    def _header(self, seen: Sighting, frame_id: FrameId) -> FrameHeader:
        if self._headers is None:
            self._headers = HeaderMaker(
                self._core, stream=self._stream, run=frame_id.run, clock_id=self._clock.clock_id,
                chip_wh=self._chip_wh, may_wait=False,
            )  # fmt: skip
        elif self.is_stale:
            self._headers.reread()
        self.is_stale = False
        # The header needs the form of the pixels only: nobody's image is held here.
        form = np.broadcast_to(np.zeros((), seen.dtype), seen.shape)
        header = self._headers.make(Arrival(form, seen.received_ns, seen.metadata, seen.event), frame_id.sequence)
        if self._chip_wh is None and header.roi_xywh is not None and header.roi_xywh[:2] != (0, 0):
            return structs.replace(header, pixel_to_stage=None)
        return header

    def _introduce(self, spec: FrameSpec) -> FrameProducer:
        if self._chip_wh is None and tuple(self._core.getROI()[:2]) == (0, 0):
            self._chip_wh = read_chip(self._core)
        self._slots.make(spec.shape_yx[0] * spec.shape_yx[1] * np.dtype(spec.dtype).itemsize)
        self.producer = FrameProducer(
            self._rig, self._stream, source=self._source, spec=spec, clock=self._clock, ring_slots=self._ring_slots
        )
        return self.producer
