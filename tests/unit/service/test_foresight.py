"""Foresight: what would be refused in any case, of images and of requests, is said before anything runs."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from stentor.core.action import ProjectMask
from stentor.core.errors import ConfigError
from stentor.rehearsal.rehearsal import Rehearsal
from stentor.service.check import check
from stentor.service.configuration import load_settings
from stentor.service.controllers import check_controllers
from stentor.service.experiment import list_templates, write_experiment
from stentor.service.foresight import check_images, refused_action, refused_wishes
from stentor.service.replay import with_replay
from stentor.service.run import run_rig
from stentor.service.session import find_session
from stentor.service.settings import Settings

GUARD = """
[guard]
x_um = [-100.0, 100.0]
y_um = [-100.0, 100.0]
xy_step_um = 20.0
z_step_um = 5.0
z_um = [-10.0, 10.0]
z_boxes = [{ x_um = [50.0, 100.0], y_um = [-100.0, 100.0], z_um = [-1.0, 1.0] }]
exposure_ms = [1.0, 200.0]
interval_ms = [50.0, 60000.0]
devices = ["SLM"]
presets = { Channel = ["DAPI"] }
properties = { "Lamp.Intensity" = { range = [0.0, 60.0], step = 5.0 } }
dose = { budget_uj = 150.0 }
"""


def settings_of(tmp_path: Path, *, mode: str = "adaptive", more: str = "") -> Settings:
    path = tmp_path / "scope1.toml"
    path.write_text(f'[acquisition]\nmode = "{mode}"\nsequence_file = "run.yaml"\n{GUARD}{more}')
    return load_settings(path)


def faults_of(settings: Settings, *tables: dict[str, Any]) -> list[str]:
    try:
        check_controllers(tables, partial(refused_wishes, settings))
    except ConfigError as err:
        return str(err).splitlines()
    return []


def rule(**action: Any) -> dict[str, Any]:
    return {"kind": "rule", "when": "t > 1", "then": [action]}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (rule(kind="set-interval", interval_ms=20.0), "interval_ms = 20 is outside 50 to 60000"),
        (rule(kind="set-exposure", exposure_ms=300.0), "exposure_ms = 300 is outside 1 to 200"),
        (rule(kind="pulse-shutter", duration_ms=300.0), "exposure_ms = 300 is outside 1 to 200"),
        (rule(kind="pulse-shutter", duration_ms=180.0), "change `guard.dose.budget_uj`"),
        (rule(kind="move-xy", x_um=500.0, y_um=0.0), "x_um = 500 is outside -100 to 100"),
        # A step is one wherever it begins.
        (rule(kind="move-xy", x_um=15.0, y_um=15.0, is_relative=True), "a step of 21.2132 um; at most 20 um at once"),
        ({"kind": "autofocus", "step_um": 6.0}, "a step of 6 um; at most 5 um at once"),
        ({"kind": "follow", "calm_um": 40.0}, "a step of 28 um; at most 20 um at once"),
        (rule(kind="move-z", z_um=11.0), "change `guard.z_um`"),
        (rule(kind="set-positions", positions_um=[[0.0, 0.0], [0.0, 101.0]]), "y_um = 101 is outside"),
        (rule(kind="set-positions", positions_um=[[0.0]]), "a position is (x_um, y_um) or"),
        (rule(kind="set-property", device="Lamp", property="Intensity", value=90), 'guard.properties."Lamp.Intensity"'),
        (rule(kind="set-property", device="Camera", property="Gain", value=2), "Camera.Gain is not on the list"),
        (rule(kind="set-channel", preset="Phase", group="Channel"), "allowed: DAPI"),
        (rule(kind="acquire", events=[{"exposure": 300.0}]), "exposure_ms = 300 is outside 1 to 200"),
        (rule(kind="acquire", events=[{"exposure_ms": 20.0}]), "unknown key `exposure_ms`; did you mean `exposure`?"),
        (rule(kind="acquire", events=[{"exposure": "20 ms"}]), "`exposure`: Input should be a valid number"),
        (rule(kind="acquire", sequence={"zplan": {}}), "unknown key `zplan`; did you mean `z_plan`?"),
        (rule(kind="acquire", events=[{"x_pos": 500.0}]), "x_um = 500 is outside"),
        (rule(kind="acquire", events=[{"channel": "Phase"}]), "allowed: DAPI"),
        (rule(kind="acquire", events=[{"exposure": 20.0}, {"exposure": 180.0}]), "change `guard.dose.budget_uj`"),
        (rule(kind="acquire", events=[{}], positions_um=[[0.0, 0.0, 12.0]]), "z_um = 12 is outside"),
        ({"kind": "event-rate", "when": "t > 1", "slow_s": 90.0, "fast_s": 1.0}, "interval_ms = 90000 is outside"),
        ({"kind": "stimulate", "which": "label > 1", "duration_s": 0.5}, "exposure_ms = 500 is outside 1 to 200"),
        ({"kind": "stimulate", "which": "label > 1", "duration_s": 0.1, "device": "DMD"}, "DMD is not on the list"),
        ({"kind": "hunt", "when": "t > 1", "positions_um": [[0, 200]], "catch": [{}]}, "y_um = 200 is outside"),
        ({"kind": "hunt", "when": "t > 1", "catch": [{"exposure_ms": 900.0}]}, "exposure_ms = 900 is outside"),
    ],
)
def test_a_request_that_would_be_refused_in_any_case_is_said_with_the_limit(
    tmp_path: Path, table: dict[str, Any], words: str
) -> None:
    (fault,) = faults_of(settings_of(tmp_path), table)

    assert fault.startswith(f"controller[0] ({table['kind']}): ")
    assert words in fault


FITTED = """
plan = []
[rig.simulated]
width = 64
height = 64
world_fields = 1.0
[acquisition]
mode = "adaptive"
[guard]
devices = ["Lamp"]
[[controller]]
"""


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('kind = "rule"\nwhen = "t > 1"\nthen = [{ kind = "set-channel", preset = "Fase" }]', "did you mean Phase?"),
        (
            'kind = "rule"\nwhen = "t > 1"\n[[controller.then]]\nkind = "set-property"\ndevice = "Lamp"\n'
            'property = "Intensty"\nvalue = 1',
            "Lamp has no property 'Intensty'; did you mean Intensity?",
        ),
        ('kind = "hunt"\nwhen = "t > 1"\ncatch = [{ channel = "Phase", group = "Chanel" }]', "did you mean Channel?"),
        ('kind = "hunt"\nwhen = "t > 1"\ncatch = [{ channel = "FITC" }]', "no preset 'FITC' in group 'Channel'"),
        (
            'kind = "rule"\nwhen = "t > 1"\nthen = [{ kind = "acquire", sequence = { channels = ["DAPPI"] } }]',
            "did you mean DAPI?",
        ),
        ('kind = "stimulate"\nwhich = "1 > 0"\nduration_s = 0.1', "SLM, which is not among `guard.devices`"),
    ],
)
def test_check_says_what_the_microscope_that_it_opens_does_not_have(tmp_path: Path, table: str, words: str) -> None:
    # Every such request was refused or failed, and check had passed it.
    (tmp_path / "experiment.toml").write_text(FITTED + table)

    (fault,) = [fault for _, fault in check(tmp_path) if fault is not None]

    assert words in fault


@pytest.mark.parametrize(
    "table",
    [
        # Where the stage stands then, nobody knows: neither a step nor a box is certain.
        rule(kind="move-xy", x_um=90.0, y_um=0.0),
        rule(kind="move-xy", x_um=15.0, y_um=0.0, is_relative=True),
        rule(kind="set-property", device="Lamp", property="Intensity", value=50.0),
        rule(kind="set-channel", preset="Phase"),
        rule(kind="acquire", events=[{"exposure": 100.0, "x_pos": 10.0, "channel": "DAPI"}]),
        # One of them may be elsewhere, in light of its own.
        rule(kind="acquire", events=[{"exposure": 100.0}, {"exposure": 100.0, "x_pos": 90.0, "y_pos": 0.0}]),
        rule(kind="acquire", sequence={"z_plan": {"range": 4, "step": 1}}),
        {"kind": "follow"},
        {"kind": "autofocus"},
        {"kind": "stop-when", "when": "t > 1"},
        {"kind": "stimulate", "which": "label > 1", "duration_s": 0.1},
    ],
)
def test_what_may_be_done_is_no_fault(tmp_path: Path, table: dict[str, Any]) -> None:
    assert faults_of(settings_of(tmp_path), table) == []


def test_a_mask_without_light_of_its_own_sets_no_preset(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    mask = ProjectMask(mask=b"", shape_yx=(0, 0), preset="Phase", group="Channel")

    lit = refused_action(settings, structs.replace(mask, duration_ms=10.0))

    assert refused_action(settings, mask) is None
    assert lit is not None and "allowed: DAPI" in lit


def test_what_the_mode_has_no_place_for_is_said(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [
        {"kind": "acquire"}, {"kind": "set-positions", "positions_um": [[0.0, 0.0]]},
        {"kind": "extend", "time_points": 1}, {"kind": "set-interval", "interval_ms": 100.0}, {"kind": "pause"},
        {"kind": "abort"},
    ]  # fmt: skip
    faults = {
        mode: [
            fault.split("`")[1]
            for action in asked
            for fault in faults_of(settings_of(tmp_path, mode=mode), rule(**action))
        ]
        for mode in ("adaptive", "live", "sequence")
    }

    assert faults["adaptive"] == []
    assert faults["live"] == ["acquire", "set-positions", "extend"]
    assert faults["sequence"] == ["acquire", "set-positions", "extend", "set-interval", "pause"]


def test_a_recording_is_asked_for_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, mode="live", more='[rig]\nkind = "replay"\n')

    assert faults_of(settings, rule(kind="acquire", events=[{"exposure": 300.0}])) == []


def written(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "experiment.toml").write_text(text)
    return load_settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("exposure_ms = 300.0\n[guard]\nexposure_ms = [1.0, 200.0]", "acquisition.exposure_ms", "outside 1 to 200"),
        ("exposure_ms = 50.0\n[guard.dose]\nbudget_uj = 40.0", "acquisition.exposure_ms", "`guard.dose.budget_uj`"),
    ],
)
@pytest.mark.parametrize("mode", ["live", "adaptive"])
def test_limits_that_refuse_every_image_are_said_before_the_first(
    tmp_path: Path, mode: str, text: str, key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_images(written(tmp_path, f'[acquisition]\nmode = "{mode}"\n{text}\n'))

    (line,) = str(caught.value).splitlines()
    assert f"`{key}`" in line and words in line


@pytest.mark.parametrize(
    "text",
    [
        # The limit binds who asks for another interval, not the plan itself.
        "[acquisition]\nrate_hz = 10.0\n[guard]\ninterval_ms = [5000.0, 60000.0]",
        # Some channel is dim enough, and a lamp may be turned down.
        '[guard.dose]\nbudget_uj = 40.0\npower_mw = { Phase = 0.3, "*" = 5.0 }',
        '[guard.dose]\nbudget_uj = 40.0\nlamp = "Lamp.Intensity"',
        # An image where the stage stands is no drive.
        "[guard]\nx_um = [100.0, 200.0]\nz_um = [5.0, 20.0]",
        # No image of a recording is asked for.
        '[rig]\nkind = "replay"\n[guard]\nexposure_ms = [1.0, 10.0]',
        # Events of a sequence name what they need.
        '[acquisition]\nmode = "adaptive"\nsequence_file = "s.yaml"\n[guard]\nexposure_ms = [1.0, 10.0]',
    ],
)
def test_limits_that_may_let_an_image_pass_are_no_fault(tmp_path: Path, text: str) -> None:
    check_images(written(tmp_path, text))


def test_the_light_of_a_channel_that_is_named_is_known(tmp_path: Path) -> None:
    text = '[rig]\nchannel = "DAPI"\n[guard.dose]\nbudget_uj = 40.0\npower_mw = { DAPI = 2.0, "*" = 0.1 }\n'

    with pytest.raises(ConfigError, match="100 uJ more here"):
        check_images(written(tmp_path, text))


DARK = """
[rig.simulated]
width = 64
height = 64
world_fields = 1.0
[acquisition]
mode = "adaptive"
exposure_ms = 300.0
[[plan]]
stage = "quality"
[[controller]]
kind = "stop-when"
when = "t > 1"
[guard]
exposure_ms = [1.0, 200.0]
"""


def test_what_takes_images_refuses_such_limits_at_its_start(tmp_path: Path) -> None:
    settings = written(tmp_path, DARK)

    said = [fault for _, fault in check(tmp_path) if fault is not None]

    assert len(said) == 1 and "`acquisition.exposure_ms` = 300" in said[0]
    with pytest.raises(ConfigError, match="no image would be taken"):
        run_rig(settings)
    with pytest.raises(ConfigError, match="no image would be taken"):
        Rehearsal(settings, duration_s=10.0)


def test_what_takes_no_images_reads_the_experiment_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "2026-11-24T120000"
    folder.mkdir(parents=True)
    (folder / "ledger.sqlite").touch()
    written(tmp_path, f'record = {{ folder = "runs" }}\n{DARK}')

    replayed = with_replay(tmp_path, {"path": "recorded.tif"}, frames=None, name=None)

    check_images(replayed)
    assert find_session(tmp_path).folder == folder


@pytest.mark.parametrize("name", [template.name for template in list_templates()])
def test_no_template_asks_for_what_its_own_limits_refuse(name: str, tmp_path: Path) -> None:
    write_experiment(tmp_path / "mine", name)
    settings = load_settings(tmp_path / "mine")

    assert faults_of(settings, *settings.controller) == []


SEQUENCE = """
plan = []
[rig.simulated]
width = 64
height = 64
world_fields = 1.0
[acquisition]
mode = "MODE"
exposure_ms = 50.0
sequence_file = "run.yaml"
[guard]
x_um = [-100.0, 100.0]
exposure_ms = [1.0, 200.0]
dose = { budget_uj = 300.0, power_mw = { DAPI = 2.0, "*" = 0.1 } }
"""


@pytest.mark.parametrize("mode", ["sequence", "adaptive"])
@pytest.mark.parametrize(
    ("sequence", "words"),
    [
        ("stage_positions: [{x: 0, y: 0}, {x: 500, y: 0}, {x: 600, y: 0}]", "x_um = 500 is outside -100 to 100"),
        ("channels: [{config: Phase, exposure: 300}]", "exposure_ms = 300 is outside 1 to 200"),
        ("channels: [{config: Phase, exposure: 180}, {config: DAPI, exposure: 180}]", "360 uJ more here"),
        ("channels: [{config: DAPPI, exposure: 10}]", "did you mean DAPI"),
        ("chanels: [DAPI]", "unknown key `chanels`; did you mean `channels`?"),
        ("channels: [DAPI", "not a useq-schema MDASequence"),
    ],
)
def test_check_says_the_first_event_of_a_sequence_that_would_not_be_taken(
    tmp_path: Path, mode: str, sequence: str, words: str
) -> None:
    (tmp_path / "run.yaml").write_text(sequence)
    (tmp_path / "experiment.toml").write_text(SEQUENCE.replace("MODE", mode))

    (fault,) = [fault for what, fault in check(tmp_path) if what == "microscope"]

    assert fault is not None and words in fault


def test_such_events_of_a_sequence_are_those_that_the_same_limit_refuses(tmp_path: Path) -> None:
    bright = "{x: 0, y: 0, sequence: {channels: [{config: Phase, exposure: 300}]}}"
    (tmp_path / "run.yaml").write_text(f"stage_positions: [{{x: 500, y: 0}}, {{x: 600, y: 0}}, {bright}]")
    (tmp_path / "experiment.toml").write_text(SEQUENCE.replace("MODE", "adaptive"))

    (fault,) = [fault for what, fault in check(tmp_path) if what == "microscope"]

    assert fault is not None and fault.endswith("`guard.x_um` (2 such events)")


def test_check_passes_a_sequence_within_the_limits_and_misses_one_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text(SEQUENCE.replace("MODE", "adaptive"))

    missing = [fault for _, fault in check(tmp_path) if fault is not None]
    (tmp_path / "run.yaml").write_text("stage_positions: [{x: 0, y: 0}, {x: 50, y: 0}]")
    there = [fault for _, fault in check(tmp_path) if fault is not None]

    assert len(missing) == 1 and "acquisition.sequence_file: no file" in missing[0]
    assert there == []
