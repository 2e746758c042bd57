"""Analysis loop: the daemon's one pipeline thread, from the mailbox through the plan to the hub."""

import logging
import threading
from collections.abc import Mapping
from typing import Final

from msgspec import structs

from stentor.core.clock import Clock
from stentor.core.doors import DoorTimes
from stentor.core.errors import PublishError, StageError
from stentor.core.finding import Finding
from stentor.core.frame import FrameId
from stentor.core.ledger import FrameLedger
from stentor.core.mailbox import Mailbox
from stentor.core.outcome import Failed, Late, Result
from stentor.core.stage import FrameSpec
from stentor.ingest.arrival import Arrived
from stentor.ingest.pool import FramePool
from stentor.pipeline.runner import Analysis, Runner
from stentor.publish.hub import Hub
from stentor.publish.publication import Publication, events_of
from stentor.service.gauges import Gauges

logger = logging.getLogger(__name__)

WAIT_S: Final = 0.1


class AnalysisLoop:
    """`start`, `prepare_for` whenever a producer tells what its frames will look like, at last `stop`.

    `stop` lets the frames that wait be analysed; it may be called twice.
    """

    def __init__(
        self,
        runner: Runner,
        mailbox: Mailbox[Arrived],
        hub: Hub,
        ledger: FrameLedger,
        pool: FramePool,
        gauges: Gauges,
        clock: Clock,
    ) -> None:
        self._runner = runner
        self._mailbox = mailbox
        self._hub = hub
        self._ledger = ledger
        self._pool = pool
        self._gauges = gauges
        self._clock = clock
        self._wanted: FrameSpec | None = None
        self._current: Arrived | None = None
        self._stopping = threading.Event()
        self.is_prepared = threading.Event()
        self.fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="pipeline", daemon=True)

    @property
    def current(self) -> FrameId | None:
        """The frame under analysis; None: none is."""
        arrived = self._current
        return None if arrived is None else arrived.frame.frame_id

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def prepare_for(self, spec: FrameSpec) -> None:
        """Have the stages warmed for such frames, soon and in the pipeline's thread; `is_prepared` tells when."""
        self.is_prepared.clear()
        self._wanted = spec

    def stop(self, timeout_s: float = 1.0) -> None:
        """Analyse what waits, at most `timeout_s`, then close the stages; what is left fails with the reason."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        under_way = [] if self._current is None else [self._current]
        for left in [*under_way, *self._mailbox.close()]:
            left.close(Failed("daemon", "stopped before the frame was analysed"), self._ledger, self._pool)

    def _run(self) -> None:
        while True:
            self._prepare_if_wanted()
            arrived = self._mailbox.take(0.0 if self._stopping.is_set() else WAIT_S)
            if arrived is not None:
                self._analyse(arrived)
            elif self._stopping.is_set():
                break
        self._runner.close()

    def _prepare_if_wanted(self) -> None:
        spec, self._wanted = self._wanted, None
        if spec is None:
            return
        try:
            self._runner.prepare(spec)
            self.fault = None
        except StageError as err:
            self.fault = str(err)
            logger.error("%s; its frames will fail until it can", err)
        self.is_prepared.set()

    def _analyse(self, arrived: Arrived) -> None:
        frame = arrived.frame
        self._current = arrived
        dequeued_ns = self._clock.monotonic_ns()
        analysis = self._runner.analyse(frame)
        times = structs.replace(
            arrived.times,
            dequeued=dequeued_ns,
            model_start=analysis.model_start_ns,
            model_end=analysis.model_end_ns,
            post=analysis.post_ns,
        )
        self._gauges.stages(analysis.stage_ms)
        if analysis.failure is not None:
            self._fail(arrived, analysis.failure, times, analysis.findings)
        else:
            self._publish(arrived, analysis, times)
        self._current = None

    def _fail(self, arrived: Arrived, failure: Failed, times: DoorTimes, findings: Mapping[str, Finding]) -> None:
        arrived.close(failure, self._ledger, self._pool, times)
        self._hub.announce("frame-failed", f"{arrived.frame.frame_id}: {failure.stage}: {failure.reason}")
        # A stage that is behind what happened is not asked again: what it said must not go with the frame.
        for kind, text, data in events_of(arrived.frame.frame_id, findings):
            self._hub.announce(kind, text, **data)

    def _publish(self, arrived: Arrived, analysis: Analysis, times: DoorTimes) -> None:
        def close(outcome: Result | Late, final: DoorTimes) -> None:
            arrived.close(outcome, self._ledger, self._pool, final)
            self._gauges.result(final)

        publication = Publication(
            arrived.frame.header,
            arrived.frame.pixels,
            arrived.members,
            analysis.findings,
            times,
            analysis.stage_ms,
            analysis.models,
            close,
        )
        try:
            self._hub.publish(publication)
        except PublishError as err:
            logger.error("%s", err)
            self._fail(arrived, Failed("publish", str(err)), times, analysis.findings)
