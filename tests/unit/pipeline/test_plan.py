"""Plan and runner: checked before frame 1, and a broken stage costs its frame only."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from stentor.core.clock import FakeClock
from stentor.core.errors import ConfigError, StageError
from stentor.core.finding import Finding, Findings, Objects, Score
from stentor.core.frame import Frame, FrameHeader, FrameId
from stentor.core.outcome import Failed
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.pipeline import plan as plan_module
from stentor.pipeline.plan import PlannedStage, build_plan
from stentor.pipeline.runner import Runner


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: float = 1.0
    fails: bool = False


class Sharpness:
    """Gives a score."""

    Settings: ClassVar[type[msgspec.Struct]] = Settings
    needs: ClassVar[Mapping[str, type[Finding]]] = {}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"sharpness": Score}

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.prepared: list[FrameSpec] = []
        self.is_closed = False

    @property
    def model(self) -> ModelIdentity | None:
        return None

    def prepare(self, spec: FrameSpec) -> None:
        self.prepared.append(spec)

    def process(self, frame: Frame, found: Findings) -> Findings:
        if self.settings.fails:
            raise RuntimeError("boom")
        return {"sharpness": Score(self.settings.value)}

    def close(self) -> None:
        self.is_closed = True


class Consumer(Sharpness):
    needs: ClassVar[Mapping[str, type[Finding]]] = {"sharpness": Score}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"twice": Score}

    @property
    def model(self) -> ModelIdentity | None:
        return ModelIdentity("twice@1", "abc", "CPUExecutionProvider")

    def process(self, frame: Frame, found: Findings) -> Findings:
        sharpness = found["sharpness"]
        assert isinstance(sharpness, Score)
        return {"twice": Score(2 * sharpness.value)}


class Liar(Sharpness):
    def process(self, frame: Frame, found: Findings) -> Any:
        return {"sharpness": Objects({})}


class WrongType(Sharpness):
    needs: ClassVar[Mapping[str, type[Finding]]] = {"sharpness": Objects}


class _Entry:
    def __init__(self, stage: type[Any]) -> None:
        self._stage = stage

    def load(self) -> type[Any]:
        return self._stage


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = {"sharpness": Sharpness, "consumer": Consumer, "liar": Liar, "wrong-type": WrongType}
    monkeypatch.setattr(plan_module, "known_stages", lambda: {name: _Entry(s) for name, s in stages.items()})


def frame(shape: tuple[int, int] = (4, 4)) -> Frame:
    header = FrameHeader(
        frame_id=FrameId("camera", "r", 0), shape_yx=shape, dtype="uint16", received_ns=0, clock_id="fake"
    )
    return Frame(header, np.zeros(shape, np.uint16))


def test_findings_flow_from_stage_to_stage() -> None:
    runner = Runner(build_plan([{"stage": "sharpness", "value": 3.0}, {"stage": "consumer"}]), FakeClock())

    analysis = runner.analyse(frame())

    assert analysis.failure is None
    assert analysis.findings == {"sharpness": Score(3.0), "twice": Score(6.0)}
    assert list(analysis.stage_ms) == ["sharpness", "consumer"]
    assert analysis.models == {"consumer": ModelIdentity("twice@1", "abc", "CPUExecutionProvider")}
    assert analysis.model_start_ns is not None


def test_an_unknown_stage_is_named_with_the_nearest_known() -> None:
    with pytest.raises(ConfigError, match=r"plan\[0\].*'sharpnes'; did you mean 'sharpness'"):
        build_plan([{"stage": "sharpnes"}])


def test_every_fault_of_a_plan_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build_plan([{"stage": "nothing"}, {"stage": "sharpness", "valu": 1}, {"name": "x"}])

    assert len(str(caught.value).splitlines()) == 3


def test_a_missing_finding_is_said_before_frame_1() -> None:
    with pytest.raises(ConfigError, match=r"needs 'sharpness' \(Score\), which no stage before it gives"):
        build_plan([{"stage": "consumer"}])


def test_a_finding_of_another_type_is_said_before_frame_1() -> None:
    with pytest.raises(ConfigError, match="as Objects, but the plan gives it as Score"):
        build_plan([{"stage": "sharpness"}, {"stage": "wrong-type", "name": "second"}])


def test_two_stages_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="second stage named 'sharpness'"):
        build_plan([{"stage": "sharpness"}, {"stage": "sharpness"}])


def test_a_stage_in_quarantine_is_left_out_with_those_that_need_it() -> None:
    tables = [{"stage": "sharpness"}, {"stage": "consumer"}, {"stage": "liar", "name": "other"}]

    plan = build_plan(tables, without=frozenset({"sharpness"}))

    assert [item.name for item in plan] == ["other"]


def test_a_stage_that_raises_costs_its_frame_and_keeps_the_findings_before_it() -> None:
    second = PlannedStage("second", Consumer(Settings(fails=True)))
    second.stage.process = lambda frame, found: 1 / 0  # type: ignore[method-assign,return-value,assignment]
    runner = Runner([PlannedStage("first", Sharpness(Settings())), second], FakeClock())

    analysis = runner.analyse(frame())

    assert analysis.failure == Failed("second", "ZeroDivisionError: division by zero")
    assert list(analysis.findings) == ["sharpness"]
    assert runner.analyse(frame()).failure is not None


def test_a_stage_that_breaks_its_promise_fails_by_name() -> None:
    analysis = Runner(build_plan([{"stage": "liar"}]), FakeClock()).analyse(frame())

    assert analysis.failure == Failed("liar", "promised 'sharpness' as Score, gave Objects")


def test_stages_are_prepared_again_only_when_frames_change() -> None:
    stage = Sharpness(Settings())
    runner = Runner([PlannedStage("only", stage)], FakeClock())

    for shape in ((4, 4), (4, 4), (8, 4)):
        runner.analyse(frame(shape))

    assert [spec.shape_yx for spec in stage.prepared] == [(4, 4), (8, 4)]


def test_a_stage_that_cannot_prepare_is_named() -> None:
    stage = Sharpness(Settings())
    stage.prepare = lambda spec: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    runner = Runner([PlannedStage("only", stage)], FakeClock())

    with pytest.raises(StageError, match="only: ZeroDivisionError"):
        runner.prepare(FrameSpec((4, 4)))
    assert runner.analyse(frame()).failure == Failed("prepare", "only: ZeroDivisionError: division by zero")


def test_the_stage_that_runs_is_told_to_the_watchdog() -> None:
    told: list[int] = []
    runner = Runner(build_plan([{"stage": "sharpness"}, {"stage": "consumer"}]), FakeClock(), on_stage=told.append)
    runner.prepare(FrameSpec((4, 4)))
    told.clear()

    runner.analyse(frame())

    assert told == [0, -1, 1, -1]
