"""Handover: names the images of a rig's cameras and gives them to the daemon, a stream for each camera."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from stentor.core.clock import Clock
from stentor.core.errors import SourceError
from stentor.microscope.arrival import Arrival
from stentor.microscope.cameras import camera_names
from stentor.microscope.header import HeaderMaker
from stentor.microscope.metadata import camera_name
from stentor.scope.rig import Rig
from stentor.wire.producer import FrameProducer

if TYPE_CHECKING:
    import useq


class MakeProducer(Protocol):
    """Makes the producer of a stream."""

    def __call__(self, stream: str) -> FrameProducer: ...


class Handover:
    """`begin`, `take` for every image in the engine's thread, `end`; at last `close`.

    A rig with one camera has the stream that the settings name; of several, each has that name with its own label
    behind it, as in "camera-Left".
    """

    def __init__(
        self,
        rig: Rig,
        make_producer: MakeProducer,
        *,
        stream: str,
        clock: Clock,
        on_frame: Callable[[], None],
    ) -> None:
        self._rig = rig
        self._clock = clock
        self._on_frame = on_frame
        self._names = camera_names(rig.core)
        self._streams = {
            name: stream if len(self._names) == 1 else f"{stream}-{name}".replace(" ", "-") for name in self._names
        }
        self._producers = {name: make_producer(stream) for name, stream in self._streams.items()}
        self._headers: dict[str, HeaderMaker] = {}
        self.last_image_ns: int | None = None

    @property
    def is_welcome(self) -> bool:
        """Whether the daemon has said of every stream that it is ready, or refuses it for good."""
        return all(producer.ready.is_set() or producer.denied is not None for producer in self._producers.values())

    @property
    def is_stop_requested(self) -> bool:
        """Whether an operator asked the daemon to end the acquisition."""
        return any(producer.stop_requested.is_set() for producer in self._producers.values())

    def begin(self, events: "useq.MDASequence | None", frames: int | None) -> None:
        """Begin a run of every stream: of events, or of so many live images (None: no limit)."""
        cameras = len(self._names)
        expected = self._rig.images_of(events) if events is not None else frames
        for name, producer in self._producers.items():
            # Who counts live images counts those of all cameras together.
            run = producer.begin_run(
                expected // cameras
                if expected is not None and events is not None
                else expected
                if cameras == 1
                else None
            )
            self._headers[name] = self._rig.headers(stream=self._streams[name], run=run, clock_id=self._clock.clock_id)
        self.last_image_ns = self._clock.monotonic_ns()

    def take(self, arrival: Arrival) -> None:
        """Name an image and hand it over, or report why it cannot be."""
        self.last_image_ns = arrival.received_ns
        name = camera_name(arrival.metadata, self._names)
        camera = name if name in self._producers else self._names[0]
        producer = self._producers[camera]
        frame_id = producer.next_id()
        self._on_frame()
        try:
            header = self._headers[camera].make(arrival, frame_id.sequence)
        except SourceError as err:
            producer.refuse(frame_id, str(err))
            return
        producer.hand_over(header, arrival.pixels)

    def reread(self) -> None:
        """Ask the microscope anew for what the images' own metadata do not say; after somebody has changed it."""
        for headers in self._headers.values():
            headers.reread()

    def end(self, how: str) -> None:
        """End the runs: "completed", "aborted" or "failed: reason"."""
        self.last_image_ns = None
        for producer in self._producers.values():
            producer.end_run(how)

    @property
    def is_settled(self) -> bool:
        """Whether the daemon has closed every run that has ended."""
        return all(producer.is_settled for producer in self._producers.values())

    def close(self, timeout_s: float) -> bool:
        """Let go; False: no daemon took the account of the last runs within `timeout_s`."""
        settled = [producer.close(timeout_s) for producer in self._producers.values()]
        return all(settled)
