"""The how-to pages about driving the microscope: what they show is built, and what they promise happens."""

import json
import re
import shlex
import typing
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import click
import numpy as np
import pytest
import typer.main
from msgspec import structs
from typer.testing import CliRunner

from stentor.cli import app
from stentor.control import grammar
from stentor.control.expression import Expression
from stentor.control.settings import GuardSettings
from stentor.core import action as act
from stentor.core.errors import ConfigError
from stentor.core.finding import OBJECT_COLUMNS, Event, Objects
from stentor.core.frame import FrameHeader, FrameId
from stentor.core.mask import unpack_mask
from stentor.core.microscope import Microscope
from stentor.rehearsal.performance import Performance
from stentor.rehearsal.rehearsal import Rehearsal
from stentor.rehearsal.score import is_caught, on_target, seen_divisions
from stentor.scope.acquisition import AcquisitionSettings
from stentor.service.configuration import load_settings
from stentor.service.controllers import check_controllers
from stentor.service.experiment import write_experiment
from stentor.service.foresight import refused_wishes
from stentor.service.settings import Settings
from stentor.tracking.events import TrackEventKind

ROOT = Path(__file__).resolve().parents[1]
HOW_TO = ROOT / "docs" / "how-to"
TEMPLATES = ROOT / "daemon" / "stentor" / "service" / "templates"
TEMPLATE_OF = {
    "rules": "rule", "event-rate": "event-rate", "follow": "follow", "hunt": "hunt", "autofocus": "autofocus",
    "stop-when": "stop-when", "stimulate": "stimulate",
}  # fmt: skip
WITH_COMMANDS = [ROOT / "README.md", *sorted(HOW_TO.glob("*.md")), *sorted(TEMPLATES.glob("*/README.md"))]


def text_of(page: str) -> str:
    return (HOW_TO / f"{page}.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a page, those inside of a list too."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table whose header begins so."""
    table = text[text.index(f"| {header} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of the page about writing a controller, installed."""
    text = text_of("write-a-controller")
    site = tmp_path / "site"
    (site / "my_controllers").mkdir(parents=True)
    (site / "my_controllers" / "__init__.py").touch()
    (site / "my_controllers" / "brightness.py").write_text(blocks(text, "python")[0])
    (project,) = blocks(text, "text")
    told = site / "my_controllers-0.1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: my-controllers\nVersion: 0.1\n")
    (told / "entry_points.txt").write_text(
        project[project.index("[project.entry-points") :].replace("[project.entry-points.", "[").replace('"', "")
    )
    monkeypatch.syspath_prepend(str(site))


def small(settings: Settings, **simulated: Any) -> Settings:
    """The same experiment with small images."""
    shrunk = structs.replace(settings.rig.simulated, width=256, height=256, **simulated)
    return structs.replace(settings, rig=structs.replace(settings.rig, simulated=shrunk))


def experiment(page: str, tmp_path: Path) -> Settings:
    """The template of a page, with small images; the page shows the same controllers."""
    write_experiment(tmp_path / "mine", TEMPLATE_OF[page])
    shown = tmp_path / "shown.toml"
    shown.write_text(blocks(text_of(page), "toml")[0])
    settings = load_settings(tmp_path / "mine")
    assert load_settings(shown).controller == settings.controller
    return small(settings)


def verdicts(performance: Performance) -> Counter[tuple[str, str]]:
    return Counter((type(request.action).__name__, receipt.verdict) for request, receipt in performance.decisions)


# --- what the pages show --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_package")
@pytest.mark.parametrize("page", sorted(HOW_TO.glob("*.md")), ids=lambda page: page.stem)
def test_controllers_in_the_pages_can_be_built(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page.read_text(), "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block)

        settings = load_settings(path)
        check_controllers(settings.controller, partial(refused_wishes, settings))


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_pages_are_commands(page: Path) -> None:
    lines = [line for block in blocks(page.read_text(), "sh") for line in block.splitlines()]
    commands = [
        re.split(r"stentor ", line, maxsplit=1)[1] for line in lines if re.match(r"(\.venv/bin/)?stentor ", line)
    ]

    for command in commands:
        parse(typer.main.get_command(app), shlex.split(command, comments=True))


def parse(command: click.Command, words: list[str]) -> None:
    """Read the words as the command line would; click.UsageError for what it does not know."""
    if isinstance(command, click.Group):
        with command.make_context("stentor", words) as context:
            _, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        parse(found, rest)
    else:
        command.make_context("stentor", words)


class Seen:
    """A result that every condition of the page can be asked about."""

    frame = FrameHeader(
        frame_id=FrameId("camera", "r", 3), shape_yx=(64, 64), dtype="uint16", received_ns=5, clock_id="c",
        t=3, c=0, z=0, p=0, channel="DAPI", exposure_ms=50.0,
    )  # fmt: skip
    objects = Objects(
        {name: np.ones(3) for name in (*OBJECT_COLUMNS, "probability", "p_mitotic")} | {"class": np.zeros(3, np.int32)}
    )
    events = (Event("division", "track 3 divided"),)
    models: ClassVar[dict[str, Any]] = {}
    is_late = False
    labels = None

    def score(self, name: str) -> float | None:
        return 30.0 if name == "focus" else None

    def image(self, name: str) -> None:
        return None


def test_conditions_in_the_page_about_rules_can_be_asked() -> None:
    conditions = [row[0].strip("`") for row in rows(text_of("rules"), "condition")]
    assert len(conditions) >= 10

    said = [Expression(condition, where="when").is_true(Seen()) for condition in conditions]

    assert {True, False} == set(said)


def test_faults_in_the_page_about_rules_are_said_so() -> None:
    for written, said in rows(text_of("rules"), "written"):
        with pytest.raises(ConfigError) as caught:
            Expression(written.strip("`"), where="when")
        assert said.replace("`", "") in str(caught.value).replace("`", "")
    shown, refused = blocks(text_of("rules"), "text")
    with pytest.raises(ConfigError) as caught:
        check_controllers(
            [{"kind": "rule", "when": "count(objects, class = 'mitotic') >= 1", "then": [{"kind": "skip"}]}]
        )
    assert shown == f"ConfigError: {caught.value}\n"
    limited = Settings(
        acquisition=AcquisitionSettings(mode="adaptive"), guard=GuardSettings(interval_ms=(50.0, 60000.0))
    )
    hasty = {"kind": "rule", "when": "t > 1", "then": [{"kind": "set-interval", "interval_ms": 20.0}]}
    with pytest.raises(ConfigError) as caught:
        check_controllers([hasty], partial(refused_wishes, limited))
    assert refused == f"ConfigError: {caught.value}\n"


def test_the_page_about_rules_names_everything_that_may_be_written() -> None:
    page = text_of("rules")
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", prose))))
    kinds = {kind.__struct_config__.tag for kind in typing.get_args(act.Action)} - {
        "arm",
        "disarm",
        "alive",
        "describe",
        "project-mask",
    }
    keys = {
        name for kind in typing.get_args(act.Action) if kind.__struct_config__.tag in kinds for name in fields(kind)
    }

    missing = {*grammar.FUNCTIONS, *grammar.FRAME_NAMES, *OBJECT_COLUMNS, *typing.get_args(TrackEventKind)} - words
    assert missing == set()
    assert {tag for tag in kinds if f"`{tag}`" not in prose} == set()
    assert keys - words == set()


def fields(kind: type) -> tuple[str, ...]:
    return kind.__struct_fields__  # type: ignore[attr-defined, no-any-return]


def test_the_page_about_scripts_names_every_method() -> None:
    shown = set(re.findall(r"`(\w+)\(", text_of("drive-from-a-script")))

    assert {name for name in vars(Microscope) if not name.startswith("_")} - {"close"} <= shown


def test_the_page_about_safety_shows_every_key_of_the_guard(tmp_path: Path) -> None:
    path = tmp_path / "scope.toml"
    path.write_text(blocks(text_of("safety"), "toml")[0])
    guard = load_settings(path).guard

    page = text_of("safety")
    shown = [*fields(type(guard)), *fields(type(guard.dose))]
    assert [
        key for key in shown if f"`{key}" not in page and f"\n{key} = " not in page and f"guard.{key}]" not in page
    ] == []


# --- what the pages promise -----------------------------------------------------------------------------------------


def test_rules_change_the_interval_and_take_a_portrait_of_a_division(tmp_path: Path) -> None:
    settings = small(experiment("rules", tmp_path), seed=6)
    performance = Rehearsal(settings, duration_s=1750.0).run()

    assert verdicts(performance) == {("SetInterval", "done"): 1, ("Acquire", "done"): 1}
    (division,) = seen_divisions(performance, 60.0)
    (portrait_s,) = [shot.time_s for shot in performance.shots if shot.is_asked]
    assert 0 <= portrait_s - division.time_s < 200, "as soon as the daughters have parted"
    gaps_s = np.diff([shot.time_s for shot in performance.shots if not shot.is_asked])
    assert gaps_s[0] == pytest.approx(60.0, abs=1.0)
    assert gaps_s[-1] == pytest.approx(20.0, abs=1.0)
    assert [shot.exposure_ms for shot in performance.shots if shot.is_asked] == pytest.approx([200.0], abs=1.0)


def test_the_rule_of_the_template_waits_for_something_to_happen(tmp_path: Path) -> None:
    # It held at once, so that its rehearsal took more light than constant imaging.
    write_experiment(tmp_path / "mine", "rule")

    performance = Rehearsal(load_settings(tmp_path / "mine"), duration_s=600.0).run()

    gaps_s = np.diff([shot.time_s for shot in performance.shots])
    assert verdicts(performance) == {}
    assert gaps_s == pytest.approx(60.0, abs=1.0)


def test_event_rate_images_fast_when_a_cell_is_about_to_divide_and_slowly_again(tmp_path: Path) -> None:
    settings = experiment("event-rate", tmp_path)

    performance = Rehearsal(small(settings, seed=19), duration_s=8700.0).run()

    asked_s = [request.action.interval_ms / 1000 for request, _ in performance.decisions]  # type: ignore[union-attr]
    gaps_s = np.diff([shot.time_s for shot in performance.shots])
    assert asked_s == [30.0, 300.0, 30.0, 300.0]
    assert gaps_s.min() == pytest.approx(30.0, abs=1.0)
    assert gaps_s[[0, -1]] == pytest.approx([30.0, 300.0], abs=2.0)
    (division,) = seen_divisions(performance, 600.0)
    assert is_caught(performance.shots, division, 30.0, 600.0)
    assert len(performance.shots) < 0.5 * 8700 / 30


def test_follow_brings_a_cell_to_the_middle_and_keeps_it_there(tmp_path: Path) -> None:
    settings = experiment("follow", tmp_path)

    followed = Rehearsal(settings, duration_s=100.0).run()
    left_alone = Rehearsal(settings, duration_s=100.0, is_watched=False).run()

    assert set(verdicts(followed)) == {("MoveXY", "done")}
    assert (on_target(left_alone) or 0.0) < 0.5 < 0.9 < (on_target(followed) or 0.0)


def test_hunt_takes_catches_and_the_scan_goes_on(tmp_path: Path) -> None:
    performance = Rehearsal(experiment("hunt", tmp_path), duration_s=120.0).run()

    asked = [shot.exposure_ms for shot in performance.shots if shot.is_asked]
    scanned = [shot.exposure_ms for shot in performance.shots if not shot.is_asked]
    assert verdicts(performance)["SetPositions", "done"] == 1
    assert 3 <= verdicts(performance)["Acquire", "done"] <= 4, "each place once in five minutes"
    assert np.round(asked[:4]).tolist() == [100.0, 100.0, 100.0, 20.0]
    assert np.round(scanned).tolist() == [10.0] * len(scanned)
    assert len(scanned) >= 1 + 2 * 4


def test_autofocus_finds_the_focus_and_rests(tmp_path: Path) -> None:
    settings = experiment("autofocus", tmp_path)
    sharp_um = settings.rig.simulated.defocus_um

    performance = Rehearsal(settings, duration_s=120.0).run()

    assert set(verdicts(performance)) == {("MoveZ", "done")}
    assert len(performance.decisions) <= 10
    assert performance.decisions[-1][1].read_back["z_um"] == pytest.approx(sharp_um, abs=0.6)


def test_stop_when_ends_the_run(tmp_path: Path) -> None:
    settings = experiment("stop-when", tmp_path)
    (table,) = settings.controller
    sooner = {**table, "when": table["when"].replace("7200", "300")}

    performance = Rehearsal(structs.replace(settings, controller=(sooner,)), duration_s=3600.0).run()

    assert verdicts(performance) == {("Abort", "done"): 1}
    assert 300 + 2 * 60 <= performance.duration_s <= 300 + 4 * 60, "three results, a minute each"


def test_stimulate_lights_the_chosen_nuclei_and_no_others(tmp_path: Path) -> None:
    performance = Rehearsal(experiment("stimulate", tmp_path), duration_s=100.0).run()

    lights = [request for request, _ in performance.decisions if isinstance(request.action, act.ProjectMask)]
    assert {receipt.verdict for _, receipt in performance.decisions} == {"done"}
    assert {light.cause.frame_id.sequence % 6 for light in lights if light.cause.frame_id} == {5}
    assert len(performance.shots) > 17, "three times it could have lit them"
    under: set[int] = set()
    for light in lights:
        assert light.cause.frame_id is not None and isinstance(light.action, act.ProjectMask)
        shot = performance.shots[light.cause.frame_id.sequence]
        mask_yx = unpack_mask(light.action.mask, light.action.shape_yx)
        column, row = np.rint(shot.centroids_px).astype(int).T
        inside = (row >= 0) & (row < mask_yx.shape[0]) & (column >= 0) & (column < mask_yx.shape[1])
        under |= set(shot.ids[inside][mask_yx[row[inside], column[inside]]].tolist())
    assert len(under) >= 3
    assert set(performance.stimulated_s) == under
    assert 0.05 <= max(performance.stimulated_s.values()) < 0.09, "no cell twice in ten minutes"


def test_the_page_about_stimulation_calibrates_an_slm(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(text_of("stimulate"), "python")

    exec(code, {})

    a, b, c, d, e, f = json.loads(capsys.readouterr().out)
    assert (a * 63.2 + b * 85.5 + c, d * 63.2 + e * 85.5 + f) == pytest.approx((350, 50), abs=0.1)


@pytest.mark.usefixtures("own_package")
def test_a_controller_in_a_package_of_its_own_keeps_the_brightness(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(blocks(text_of("write-a-controller"), "toml")[0])

    performance = Rehearsal(small(load_settings(path)), duration_s=25.0).run()

    decided_s = [(request.issued_ns - performance.began_ns) / 1e9 for request, _ in performance.decisions]
    assert set(verdicts(performance)) == {("SetExposure", "done")}
    assert decided_s[-1] < 15, "it comes to rest"
    assert performance.shots[-1].exposure_ms > 1.5 * performance.shots[0].exposure_ms
    with pytest.raises(ConfigError, match=r"controller\[0\] \(brightness\): wanted = 0"):
        check_controllers([{"kind": "brightness", "wanted": 0.0}])


def test_the_commands_of_the_page_about_rehearsals_print_what_it_explains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = text_of("rehearse")
    create, rehearse = (shlex.split(line)[1:] for line in blocks(page, "sh")[0].splitlines())
    assert CliRunner().invoke(app, create).exit_code == 0
    rehearse[rehearse.index("--hours") + 1] = "0.03"

    done = CliRunner().invoke(app, rehearse)

    assert done.exit_code == 0, done.output
    for label, what, *_ in rows(page, "line"):
        assert label.strip("`") in done.stdout or what.startswith("where ")
    assert (tmp_path / "divisions" / "rehearsal.png").read_bytes().startswith(b"\x89PNG")
