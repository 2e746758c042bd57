"""A controller is asked again on what it saw: the same says the same, a changed one is shown where it differs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from stentor.client.result import Result, unpacked
from stentor.control.settings import GuardSettings
from stentor.core.action import Cause, GoOn, Receipt, Request
from stentor.core.clock import FakeClock
from stentor.core.doors import DoorTimes
from stentor.core.errors import ConfigError, RecordError
from stentor.core.finding import Labels, Objects, Score
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.microscope import Microscope
from stentor.record.decisions import DecisionLog
from stentor.record.evidence import EvidenceLog, evidence_file
from stentor.record.settings import RecordSettings
from stentor.rehearsal.reconsider import reconsider
from stentor.scope.hands.flood import Flood
from stentor.service.controllers import build_controller
from stentor.service.session import Session
from stentor.service.settings import Settings
from stentor.wire.message import ResultHeader

RULE = {"kind": "rule", "when": "count(objects) >= 3", "then": [{"kind": "pause"}], "otherwise": [{"kind": "resume"}]}
COUNTS = (1, 4, 4, 2, 5)


def result_of(number: int, count: int) -> Result:
    frame = FrameHeader(
        frame_id=FrameId("camera", "run", number), shape_yx=(8, 8), dtype="uint16", received_ns=number * 10**9,
        clock_id="c", axes={"t": number}, t=number,
    )  # fmt: skip
    header = ResultHeader(
        epoch="e", counter=number, frame=frame, outcome="result", times=DoorTimes(), stage_ms={}, models={}
    )
    findings = {
        "objects": Objects({"label": np.arange(1, count + 1, dtype=np.int32)}),
        "labels": Labels(np.eye(8, dtype=np.int32)),
        "focus": Score(2.5),
    }
    return Result(header, findings, 1.0)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """What is left of a session in which RULE saw COUNTS; it was refused once."""
    settings = Settings(
        controller=(RULE,), guard=GuardSettings(armed=True), record=RecordSettings(folder=str(tmp_path))
    )
    session = Session.create(settings)
    clock = FakeClock()
    log = DecisionLog(session.decisions, clock)
    evidence = EvidenceLog(evidence_file(session.folder, "rule"), most_mb=1.0)

    def ask(request: Request, timeout_s: float) -> Receipt:
        verdict: Any = "refused" if request.cause.frame_id.sequence == 3 else "done"  # type: ignore[union-attr]
        receipt = Receipt(id=request.id, verdict=verdict, received_ns=1, clock_id="fake")
        log.write(request, receipt)
        return receipt

    controller, microscope = build_controller(0, RULE), Microscope(ask, clock, controller="rule")
    for number, count in enumerate(COUNTS):
        controller.on_result(result_of(number, count), microscope)
        evidence.write(result_of(number, count).packed())
    log.close()
    evidence.close()
    return session


def test_a_result_is_the_same_after_packing() -> None:
    again = unpacked(result_of(3, 2).packed())

    assert again.frame == result_of(3, 2).frame
    assert again.objects["label"].tolist() == [1, 2]
    assert again.labels is not None and again.labels.trace() == 8
    assert again.score("focus") == 2.5


def test_the_same_controller_decides_the_same(session: Session) -> None:
    assert list(reconsider(session.folder, "rule")) == ["5 results seen, 3 requests then, 3 now, different on 0"]


def test_an_experiment_and_a_folder_of_runs_mean_the_newest_session(session: Session, tmp_path: Path) -> None:
    # Only the ledger was looked for there: the session's own name had to be copied.
    session.ledger.touch()
    (tmp_path / "experiment.toml").write_text('[record]\nfolder = "."\n')

    for named in (tmp_path, tmp_path / "experiment.toml"):
        assert list(reconsider(named, "rule")) == [
            f"{session.folder}, the newest",
            "5 results seen, 3 requests then, 3 now, different on 0",
        ]
    (tmp_path / "experiment.toml").unlink()
    assert next(reconsider(tmp_path, "rule")) == f"{session.folder}, the newest"


def test_a_changed_controller_is_shown_where_it_differs(session: Session) -> None:
    changed = structs.replace(session.settings(), controller=({**RULE, "when": "count(objects) >= 2"},))

    lines = list(reconsider(session.folder, "rule", changed))

    assert lines == [
        "camera/run/3",
        "    then: resume",
        "    now:  nothing",
        "camera/run/4",
        "    then: pause",
        "    now:  nothing",
        "5 results seen, 3 requests then, 1 now, different on 2",
    ]


def test_a_word_to_go_on_that_was_refused_is_no_difference(session: Session) -> None:
    clock = FakeClock()
    log = DecisionLog(session.decisions, clock)
    cause = Cause(controller="rule", frame_id=result_of(1, 0).frame.frame_id)
    request = Request(id="late", action=GoOn(t=1), cause=cause, issued_ns=0, clock_id="fake")
    log.write(request, Receipt(id="late", verdict="refused", rule="max_age_ms", received_ns=1, clock_id="fake"))
    log.close()

    assert list(reconsider(session.folder, "rule")) == ["5 results seen, 3 requests then, 3 now, different on 0"]


def test_evidence_that_ends_early_is_said(session: Session) -> None:
    evidence = EvidenceLog(evidence_file(session.folder, "rule"), most_mb=1e-6)
    evidence.write(result_of(5, 1).packed())
    evidence.close()

    lines = list(reconsider(session.folder, "rule"))

    assert lines[0] == "5 results seen, 3 requests then, 3 now, different on 0"
    assert "record.evidence_mb was used up" in lines[-1]


FAST = {"kind": "event-rate", "when": "count(objects) >= 1", "slow_s": 9.0, "fast_s": 1.0}


@pytest.fixture
def disarmed(tmp_path: Path) -> Session:
    """What is left of a session in which FAST saw COUNTS and was refused each time."""
    session = Session.create(Settings(controller=(FAST,), record=RecordSettings(folder=str(tmp_path))))
    clock = FakeClock()
    log, flood = DecisionLog(session.decisions, clock), Flood(clock)
    evidence = EvidenceLog(evidence_file(session.folder, "event-rate"), most_mb=1.0)

    def ask(request: Request, timeout_s: float) -> Receipt:
        receipt = Receipt(id=request.id, verdict="refused", rule="armed", received_ns=1, clock_id="fake")
        if flood.is_first(request, receipt):
            log.write(request, receipt)
        return receipt

    controller, microscope = build_controller(0, FAST), Microscope(ask, clock, controller="event-rate")
    for number, count in enumerate(COUNTS):
        controller.on_result(result_of(number, count), microscope)
        evidence.write(result_of(number, count).packed())
    for row in flood.rest():
        log.write(*row)
    log.close()
    evidence.close()
    return session


def test_refusals_that_the_log_only_counts_are_no_difference(disarmed: Session) -> None:
    assert list(reconsider(disarmed.folder, "event-rate")) == [
        "5 results seen, 5 requests then, 5 now, different on 0",
        "3 of them were refused and only counted, so that no more than their kind is compared",
    ]


def test_refusals_that_the_log_only_counts_and_that_are_missing_now_are_said(disarmed: Session) -> None:
    changed = structs.replace(disarmed.settings(), controller=({**RULE, "name": "event-rate"},))

    lines = list(reconsider(disarmed.folder, "event-rate", changed))

    assert lines[-2:] == [
        "5 results seen, 2 requests then, 3 now, different on 4",
        "3 more were refused then, which are not asked for now",
    ]


def test_a_decision_log_that_ends_early_is_said(session: Session) -> None:
    log = DecisionLog(session.decisions, FakeClock(), most_mb=1e-6)
    request = Request(id="x", action=GoOn(), cause=Cause(controller="rule"), issued_ns=0, clock_id="fake")
    log.write(request, Receipt(id="x", verdict="done", received_ns=0, clock_id="fake"))
    log.close()

    lines = list(reconsider(session.folder, "rule"))

    assert lines[-1].startswith("record.decisions_mb was used up at ")


def test_a_controller_that_was_not_there_sees_what_another_saw(session: Session) -> None:
    other = {**RULE, "name": "other", "when": "count(objects, area_um2 > 3) >= 2"}
    changed = structs.replace(session.settings(), controller=(other,))

    lines = list(reconsider(session.folder, "other", changed))

    assert lines[0] == "other was not there: it is shown what rule saw"
    assert "it could not decide" in lines[-2] and "area_um2" in lines[-2]
    assert lines[-1] == "5 results seen, 0 requests then, 0 now, different on 0"


def test_what_cannot_be_asked_again_says_why(session: Session, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are: rule"):
        list(reconsider(session.folder, "follow"))
    with pytest.raises(ConfigError, match="no session"):
        list(reconsider(tmp_path / "nowhere", "rule"))
    evidence_file(session.folder, "rule").unlink()
    with pytest.raises(RecordError, match="evidence_mb"):
        list(reconsider(session.folder, "rule"))
