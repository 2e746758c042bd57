"""Analyst: the plan in this process, image by image, with results as a listener gets them."""

from collections.abc import Sequence

from stentor.client.result import Result
from stentor.core.clock import NS_PER_MS, Clock
from stentor.core.doors import DoorTimes
from stentor.core.finding import Events, Image
from stentor.core.frame import Frame, FrameHeader, Pixels
from stentor.core.stage import FrameSpec
from stentor.pipeline.plan import PlannedStage
from stentor.pipeline.runner import Runner
from stentor.wire.message import FRAME, ResultHeader


class Analyst:
    """Used by one thread; `close` at last, which closes the stages.

    Attributes
    ----------
    failed
        Images for which there was no result; a line on standard error says why.
    """

    def __init__(self, plan: Sequence[PlannedStage], clock: Clock) -> None:
        self._runner = Runner(plan, clock)
        self._clock = clock
        self._seen = 0
        self.failed = 0

    def prepare(self, spec: FrameSpec) -> None:
        """Warm the stages, so that the first image takes no longer than others; raises StageError."""
        self._runner.prepare(spec)

    def see(self, header: FrameHeader, pixels: Pixels) -> Result | None:
        """Analyse an image; None: a stage failed.

        Parameters
        ----------
        pixels
            Shape (Y, X), uint8, uint16 or float32; kept with the result.
        """
        analysis = self._runner.analyse(Frame(header, pixels))
        if analysis.failure is not None:
            self.failed += 1
            return None
        self._seen += 1
        happened = [found for found in analysis.findings.values() if isinstance(found, Events)]
        said = ResultHeader(
            epoch=self._clock.clock_id,
            counter=self._seen,
            frame=header,
            outcome="result",
            times=DoorTimes(received=header.received_ns, post=analysis.post_ns),
            stage_ms=analysis.stage_ms,
            models=analysis.models,
            events=tuple(event for found in happened for event in found.events),
        )
        age_ms = (self._clock.monotonic_ns() - header.received_ns) / NS_PER_MS
        return Result(said, {**analysis.findings, FRAME: Image(pixels, "counts")}, age_ms)

    def close(self) -> None:
        """Close the stages; may be called twice."""
        self._runner.close()
