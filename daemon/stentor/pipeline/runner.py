"""Runner: walk one frame through the plan, time every stage, and let a broken stage cost its frame only."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from stentor.core.clock import NS_PER_MS, Clock
from stentor.core.errors import StageError
from stentor.core.finding import Finding, Findings
from stentor.core.frame import Frame
from stentor.core.outcome import Failed
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.pipeline.plan import PlannedStage
from stentor.pipeline.plugin_call import call_plugin, traceback_of

logger = logging.getLogger(__name__)

SAY_AGAIN_EVERY_S = 60.0


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan made of one frame.

    Attributes
    ----------
    findings
        By name; partial when a stage failed.
    failure
        The stage that failed and how; None: none did.
    stage_ms
        Duration of each stage that ran.
    model_start_ns, model_end_ns
        Start of the first and end of the last stage that has a model; None: none ran.
    post_ns
        When the plan was done.
    models
        The model behind each stage that has one.
    """

    findings: dict[str, Finding]
    failure: Failed | None
    stage_ms: dict[str, float]
    model_start_ns: int | None
    model_end_ns: int | None
    post_ns: int
    models: dict[str, ModelIdentity]


class Runner:
    """Owned by the pipeline's thread: `prepare` whenever frames change their kind, `analyse` per frame, `close`.

    Parameters
    ----------
    on_stage
        Told the index of the stage about to run and -1 when none runs, so that a watchdog outside this thread can
        name the one that hangs, even after the process is gone.
    """

    def __init__(
        self, plan: Sequence[PlannedStage], clock: Clock, *, on_stage: Callable[[int], None] = lambda index: None
    ) -> None:
        self._plan = list(plan)
        self._clock = clock
        self._on_stage = on_stage
        self._spec: FrameSpec | None = None
        self._said_at: dict[str, float] = {}

    @property
    def models(self) -> dict[str, ModelIdentity]:
        """The model behind each stage that has one."""
        return {item.name: item.stage.model for item in self._plan if item.stage.model is not None}

    def prepare(self, spec: FrameSpec) -> None:
        """Warm every stage for such frames; does nothing when they are already.

        Raises
        ------
        StageError
            If a stage cannot; the message names it. The runner stays usable: the next frame tries again.
        """
        if spec == self._spec:
            return
        for index, item in enumerate(self._plan):
            self._spec = None
            self._on_stage(index)
            try:
                call_plugin(item.name, partial(item.stage.prepare, spec))
            finally:
                self._on_stage(-1)
        self._spec = spec

    def analyse(self, frame: Frame) -> Analysis:
        """Walk the plan; never raises for what a stage does."""
        findings: dict[str, Finding] = {}
        stage_ms: dict[str, float] = {}
        model_start_ns = model_end_ns = None
        failure = self._prepare_for(frame)
        for index, item in enumerate(self._plan if failure is None else ()):
            started_ns = self._clock.monotonic_ns()
            self._on_stage(index)
            failure = self._run_stage(item, frame, findings)
            self._on_stage(-1)
            ended_ns = self._clock.monotonic_ns()
            stage_ms[item.name] = round((ended_ns - started_ns) / NS_PER_MS, 3)
            if item.stage.model is not None:
                model_start_ns = started_ns if model_start_ns is None else model_start_ns
                model_end_ns = ended_ns
            if failure is not None:
                break
        return Analysis(
            findings=findings,
            failure=failure,
            stage_ms=stage_ms,
            model_start_ns=model_start_ns,
            model_end_ns=model_end_ns,
            post_ns=self._clock.monotonic_ns(),
            models=self.models,
        )

    def close(self) -> None:
        """Close all stages; may be called twice."""
        for item in self._plan:
            try:
                call_plugin(item.name, item.stage.close)
            except StageError as err:
                self._say_once(item.name, err)
        self._plan = []

    def _prepare_for(self, frame: Frame) -> Failed | None:
        header = frame.header
        try:
            self.prepare(FrameSpec(header.shape_yx, header.dtype, header.pixel_size_um))
        except StageError as err:
            self._say_once("prepare", err)
            return Failed("prepare", str(err))
        return None

    def _run_stage(self, item: PlannedStage, frame: Frame, findings: dict[str, Finding]) -> Failed | None:
        try:
            found = call_plugin(item.name, partial(item.stage.process, frame, dict(findings)))
            findings.update(_checked(item, found))
        except StageError as err:
            self._say_once(item.name, err)
            return Failed(item.name, str(err).removeprefix(f"{item.name}: "))
        return None

    def _say_once(self, stage: str, err: StageError) -> None:
        """Name a failing stage in the log once, then every minute."""
        now = time.monotonic()
        if now - self._said_at.get(stage, float("-inf")) >= SAY_AGAIN_EVERY_S:
            self._said_at[stage] = now
            logger.warning("stage %s fails its frames: %s", stage, err, exc_info=traceback_of(err))


def _checked(item: PlannedStage, found: object) -> Findings:
    """Return what a stage gave if it is what it promised."""
    if not isinstance(found, Mapping):
        raise StageError(f"{item.name}: gave {type(found).__name__} instead of a mapping of findings")
    for name, wanted in item.stage.gives.items():
        if not isinstance(found.get(name), wanted):
            raise StageError(
                f"{item.name}: promised {name!r} as {wanted.__name__}, gave {type(found.get(name)).__name__}"
            )
    return found
