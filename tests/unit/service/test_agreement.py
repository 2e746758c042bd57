"""Agreement: what conditions may name is known where every stage of the plan says what it gives."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from stentor.control.offer import Offer
from stentor.core.errors import ConfigError
from stentor.core.finding import Events, Finding, Image, Labels, Objects, Score
from stentor.pipeline.plan import build_plan
from stentor.rehearsal.rehearsal import Rehearsal
from stentor.service.agreement import build_agreed_plan, judge_by, offer_of
from stentor.service.check import check
from stentor.service.configuration import load_settings
from stentor.service.controllers import check_controllers
from stentor.service.daemon import Daemon
from stentor.service.experiment import list_templates, write_experiment
from stentor.service.session import Session
from stentor.service.settings import Settings
from stentor.wire.platforms import system_clock
from stentor_plugins.quality import Quality
from stentor_plugins.rule import Rule


class Measuring:
    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects}
    columns = ("label", "area_px")


class Telling:
    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects, "told": Events}
    columns = ("track_id",)
    events = ("division",)


class Judging:
    gives: ClassVar[Mapping[str, type[Finding]]] = {"focus": Score, "labels": Labels, "stained": Image}


class Stranger:
    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects, "alarms": Events, "texture": Score}


def test_stages_that_say_what_they_give_make_an_offer_together() -> None:
    stages: list[Any] = [Judging(), Measuring(), Telling()]

    assert offer_of(stages) == Offer(("label", "area_px", "track_id"), ("division",), ("focus",))


def test_a_stranger_that_does_not_say_may_give_anything_but_other_scores() -> None:
    stages: list[Any] = [Measuring(), Stranger(), Telling()]

    assert offer_of(stages) == Offer(None, None, ("texture",))


class Namesake:
    """A stranger's, with names of his own."""

    gives: ClassVar[Mapping[str, type[Finding]]] = {"objects": Objects, "told": Events}
    columns: ClassVar[dict[str, int]] = {"area_px": 4}

    def events(self) -> list[str]:
        return []


def test_a_stage_s_attributes_of_the_same_name_with_another_meaning_say_nothing() -> None:
    stages: list[Any] = [Measuring(), Namesake()]

    assert offer_of(stages) == Offer(None, None, ())


@pytest.mark.parametrize("value", [["count(objects) > 3"], ("a", "b"), {"a": 1}, lambda: (), "asks", 3, None])
@pytest.mark.parametrize("name", ["asks", "conditions"])
def test_a_controller_s_attributes_of_the_same_name_with_another_meaning_say_nothing(name: str, value: object) -> None:
    controller: Any = SimpleNamespace(**{name: value})

    assert list(judge_by(Settings(), Offer((), (), ()))(controller)) == []


WRONG = """
[rig.simulated]
width = 64
height = 64
world_fields = 1.0

[acquisition]
mode = "adaptive"

[[plan]]
stage = "quality"

[[controller]]
kind = "rule"
when = "score('fokus') < 20"
then = [{ kind = "pause" }]

[[controller]]
kind = "stop-when"
when = "event('division') > 3"

[[controller]]
kind = "autofocus"
score = "sharpness"
"""


def test_check_says_every_condition_that_the_plan_cannot_answer_as_one_fault(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text(WRONG)

    faults = [fault for what, fault in check(tmp_path) if what == "controllers"]

    assert len(faults) == 3
    assert faults[0] is not None and faults[1] is not None and faults[2] is not None
    assert "controller[0] (rule): when: no stage of the plan gives a score 'fokus'; did you mean 'focus'?" in faults[0]
    assert "^ character 7" in faults[0]
    assert "add a stage `track`" in faults[1]
    assert "score: no stage of the plan gives a score 'sharpness'; there are focus, saturated, trusted" in faults[2]


def start_daemon(settings: Settings) -> None:
    pulse: Any = None  # nothing beats before there is a plan
    Daemon(Session.create(settings), pulse, system_clock())


def start_rehearsal(settings: Settings) -> None:
    Rehearsal(settings, duration_s=10.0)


@pytest.mark.parametrize("start", [start_daemon, start_rehearsal])
def test_no_stage_is_left_open_when_a_controller_does_not_fit_the_plan(
    start: Callable[[Settings], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[object] = []
    monkeypatch.setattr(Quality, "close", lambda *of: closed.append(of))
    (tmp_path / "experiment.toml").write_text(f'record = {{ folder = "runs" }}\n{WRONG}')

    with pytest.raises(ConfigError, match="fokus"):
        start(load_settings(tmp_path))

    assert len(closed) == 1


@pytest.mark.parametrize("start", [start_daemon, start_rehearsal])
def test_a_controller_s_misspelt_key_is_said_before_models_are_loaded(
    start: Callable[[Settings], None], tmp_path: Path
) -> None:
    missing = '[[plan]]\nstage = "segment"\nmodel = "no-such-model"\n'
    text = f'record = {{ folder = "runs" }}\n{WRONG}{missing}'.replace('score = "sharpness"', 'skore = "sharpness"')
    (tmp_path / "experiment.toml").write_text(text)

    with pytest.raises(ConfigError, match="skore"):
        start(load_settings(tmp_path))


def test_a_controller_is_closed_when_it_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    monkeypatch.setattr(Rule, "close", lambda *of: closed.append(of))

    with pytest.raises(ZeroDivisionError):
        check_controllers(
            [{"kind": "rule", "when": "t > 1", "then": [{"kind": "pause"}]}], lambda controller: [str(1 // 0)]
        )

    assert len(closed) == 1


def test_a_controller_is_built_once_to_be_held_against_the_plan_and_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[object] = []
    closed: list[object] = []
    build = Rule.__init__
    monkeypatch.setattr(Rule, "__init__", lambda self, settings: built.append(self) or build(self, settings))
    monkeypatch.setattr(Rule, "close", lambda self: closed.append(self))
    (tmp_path / "experiment.toml").write_text(
        WRONG.partition('[[controller]]\nkind = "stop')[0].replace("fokus", "focus")
    )

    for item in build_agreed_plan(load_settings(tmp_path)):
        item.stage.close()

    assert len(built) == 1 and closed == built


@pytest.mark.parametrize("name", [template.name for template in list_templates()])
def test_the_plan_of_a_template_gives_what_its_conditions_name(name: str, tmp_path: Path) -> None:
    write_experiment(tmp_path / "mine", name)
    settings = load_settings(tmp_path / "mine")
    offer = offer_of(item.stage for item in build_plan(settings.plan))

    check_controllers(settings.controller, judge_by(settings, offer))

    assert None not in offer
