"""Rehearsal: an experiment on the living specimen, in one process and without waiting."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import structs
from typer.testing import CliRunner

from stentor.cli import app
from stentor.control.offer import Offer
from stentor.core.errors import ConfigError
from stentor.rehearsal.performance import Performance
from stentor.rehearsal.rehearsal import Rehearsal, at_interval
from stentor.service.configuration import load_settings
from stentor.service.settings import Settings

EXPERIMENT = """
[rig.simulated]
width = 256
height = 256
world_fields = 1.0
time_scale = 10.0

[acquisition]
mode = "adaptive"
rate_hz = 0.02
exposure_ms = 20.0

[[plan]]
stage = "normalise"
[[plan]]
stage = "segment"
model = "nuclei"
[[plan]]
stage = "measure"

[[controller]]
kind = "rule"
when = "count(objects) >= 3 and time_s > 600"
then = [{ kind = "set-interval", interval_ms = 5000.0 }]
"""


def settings_of(tmp_path: Path, text: str = EXPERIMENT) -> Settings:
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return load_settings(path)


def intervals_s(performance: Performance) -> np.ndarray:
    return np.diff([shot.time_s for shot in performance.shots])


def test_a_rule_changes_the_interval_and_hours_pass_in_seconds(tmp_path: Path) -> None:
    performance = Rehearsal(settings_of(tmp_path), duration_s=1000.0).run()

    assert performance.failed == 0
    assert [receipt.verdict for _, receipt in performance.decisions] == ["done"]
    assert intervals_s(performance)[:10] == pytest.approx(50.0, abs=1.0)
    assert intervals_s(performance)[-10:] == pytest.approx(5.0, abs=1.0)
    assert performance.took_s < performance.duration_s / 4
    assert performance.light_s > 0


def test_truth_is_told_in_the_microscope_s_own_time(tmp_path: Path) -> None:
    performance = Rehearsal(settings_of(tmp_path), duration_s=4000.0, is_watched=False).run()

    assert performance.divisions
    for division in performance.divisions:
        # Exposed at their middle, 10 ms before they end.
        before = [shot for shot in performance.shots if shot.time_s - 0.01 < division.time_s]
        after = [shot for shot in performance.shots if shot.time_s - 0.01 >= division.time_s]
        assert all(division.parent not in shot.ids for shot in after)
        assert all(not set(division.daughters) & set(shot.ids.tolist()) for shot in before)


def test_the_experiment_of_another_microscope_is_rehearsed_on_the_simulated_one(tmp_path: Path) -> None:
    real = """
[rig]
kind = "micro-manager"
config_file = "scope.cfg"
camera = "Andor"
channel_group = "Colours"
channel = "GFP"
"""

    performance = Rehearsal(settings_of(tmp_path, real + EXPERIMENT), duration_s=60.0).run()

    assert performance.shots[0].shape_yx == (256, 256)


def test_limits_on_devices_that_the_simulated_microscope_has_not_are_said(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, EXPERIMENT + '[guard]\ndevices = ["LightEngine"]\n')

    with pytest.raises(ConfigError, match=r"no device 'LightEngine'.*the simulated microscope's devices"):
        Rehearsal(settings, duration_s=60.0).run()


def test_the_baseline_images_all_the_time(tmp_path: Path) -> None:
    performance = Rehearsal(at_interval(settings_of(tmp_path), 5.0), duration_s=300.0, is_watched=False).run()

    assert intervals_s(performance) == pytest.approx(5.0, abs=0.5)
    assert performance.decisions == ()


def test_the_baseline_does_not_end_after_so_many_images(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, EXPERIMENT.replace("rate_hz = 0.02", "rate_hz = 0.02\nframes = 3"))

    performance = Rehearsal(at_interval(settings, 5.0), duration_s=100.0, is_watched=False).run()

    assert len(performance.shots) >= 20


def test_the_baseline_waits_for_nobody_at_a_barrier(tmp_path: Path) -> None:
    barrier = '[acquisition.barrier]\ncontroller = "rule"\n[[plan]]\nstage = "normalise"'
    text = EXPERIMENT.replace('[[plan]]\nstage = "normalise"', barrier)

    performance = Rehearsal(at_interval(settings_of(tmp_path, text), 5.0), duration_s=50.0, is_watched=False).run()

    assert len(performance.shots) >= 9
    assert performance.decisions == ()


def test_deaths_are_told_too(tmp_path: Path) -> None:
    performance = Rehearsal(settings_of(tmp_path), duration_s=4000.0, is_watched=False).run()

    assert performance.deaths
    for nucleus, time_s in performance.deaths.items():
        assert all(nucleus not in shot.ids for shot in performance.shots if shot.time_s - 0.01 >= time_s)


def test_the_guard_is_that_of_the_experiment(tmp_path: Path) -> None:
    moving = EXPERIMENT.replace(
        '{ kind = "set-interval", interval_ms = 5000.0 }',
        '{ kind = "move-xy", x_um = 900.0, y_um = 0.0, is_relative = true }',
    )
    performance = Rehearsal(settings_of(tmp_path, f"{moving}\n[guard]\nx_um = [-10.0, 10.0]\n"), duration_s=700.0).run()

    assert [receipt.verdict for _, receipt in performance.decisions] == ["refused"]


def test_every_refusal_counts_also_those_that_the_decision_log_would_only_count(tmp_path: Path) -> None:
    moving = EXPERIMENT.replace(
        '{ kind = "set-interval", interval_ms = 5000.0 }',
        '{ kind = "move-xy", x_um = 900.0, y_um = 0.0, is_relative = true }',
    ).replace("rate_hz = 0.02", "rate_hz = 0.1")
    often = f"{moving}\nevery_s = 1.0\n[guard]\nx_um = [-10.0, 10.0]\n"

    performance = Rehearsal(settings_of(tmp_path, often), duration_s=700.0).run()

    assert [receipt.verdict for _, receipt in performance.decisions] == ["refused"] * len(performance.decisions)
    assert 8 <= len(performance.decisions) <= 11


def test_what_would_be_refused_in_any_case_is_said_before_the_first_image(tmp_path: Path) -> None:
    slow = EXPERIMENT + "[guard]\ninterval_ms = [10000.0, 60000.0]\n"

    with pytest.raises(ConfigError, match=r"`set-interval` would be refused: interval_ms = 5000 is outside"):
        Rehearsal(settings_of(tmp_path, slow), duration_s=700.0)


def test_an_experiment_that_ends_itself_ends_early(tmp_path: Path) -> None:
    ending = EXPERIMENT + '\n[[controller]]\nkind = "stop-when"\nwhen = "time_s > 300"\n'

    performance = Rehearsal(settings_of(tmp_path, ending), duration_s=3000.0).run()

    assert performance.duration_s < 500


@pytest.mark.parametrize("rate", ["rate_hz = 0.02", ""])
def test_a_rehearsal_without_an_image_says_why(tmp_path: Path, rate: str) -> None:
    (tmp_path / "far.yaml").write_text("stage_positions: [{x: 500, y: 0}]\n")
    dark = EXPERIMENT.replace("rate_hz = 0.02", f'{rate}\nsequence_file = "far.yaml"')
    settings_of(tmp_path, f"{dark}\n[guard]\nx_um = [-10.0, 10.0]\n")

    done = CliRunner().invoke(app, ["rehearse", str(tmp_path), "--hours", "1"])

    assert (done.exit_code, done.stdout) == (3, "")
    assert "no image was taken: the guard refuses event" in done.stderr
    assert "x_um = 500 is outside -10 to 10" in done.stderr


def test_an_experiment_planned_beforehand_cannot_be_rehearsed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    live = structs.replace(settings, acquisition=structs.replace(settings.acquisition, mode="live"))

    with pytest.raises(ConfigError, match="adaptive"):
        Rehearsal(live, duration_s=10.0)


def test_an_experiment_without_controllers_has_nothing_to_rehearse(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="controller"):
        Rehearsal(structs.replace(settings_of(tmp_path), controller=()), duration_s=10.0)


def test_a_controller_that_raises_costs_its_decision_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stentor_plugins.rule import Rule

    def fail(self: Rule, result: Any, microscope: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Rule, "on_result", fail)

    performance = Rehearsal(settings_of(tmp_path), duration_s=300.0).run()

    assert len(performance.shots) >= 5
    assert performance.undecided == len(performance.shots)


def test_a_column_that_is_not_there_is_said_once_without_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stentor.service.agreement.offer_of", lambda stages: Offer())  # a stage that does not say
    wrong = EXPERIMENT.replace("count(objects) >= 3", "count(objects, aera > 3) >= 3")

    Rehearsal(settings_of(tmp_path, wrong), duration_s=150.0).run()

    (said,) = [record for record in caplog.records if "could not decide" in record.getMessage()]
    assert "rule: when: the plan gives no column 'aera'; there are label" in said.getMessage()
    assert said.exc_info is None


def test_a_rehearsal_that_is_stopped_tells_what_it_came_to(tmp_path: Path) -> None:
    settings = at_interval(settings_of(tmp_path), 10.0)
    rehearsal = Rehearsal(settings, duration_s=3600.0, is_watched=False, on_progress=lambda share: rehearsal.stop())

    performance = rehearsal.run()

    assert rehearsal.is_stopped
    assert 50 <= len(performance.shots) <= 51, "progress is told every 50 images"


def test_ctrl_c_prints_the_scores_so_far(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT)
    command = [sys.executable, "-m", "stentor.cli", "rehearse", str(path), "--hours", "200"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.read(1)  # the first progress
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert b"images" in out
    assert b"interrupted" in err


def test_the_command_prints_both_scores_and_draws(tmp_path: Path) -> None:
    settings_of(tmp_path)
    picture = tmp_path / "picture.png"
    arguments = ["rehearse", str(tmp_path / "experiment.toml"), "--hours", "0.25", "--picture", str(picture)]

    words = CliRunner().invoke(app, arguments)
    data = CliRunner().invoke(app, [*arguments, "--json"])

    assert words.exit_code == data.exit_code == 0, words.output
    assert "divisions caught" in words.stdout
    scores = msgspec.json.decode(data.stdout)
    assert scores["rehearsal"]["images"] < scores["baseline"]["images"]
    assert scores["baseline"]["caught"] == scores["baseline"]["divisions"]
    assert picture.stat().st_size > 1000


def test_the_command_says_what_cannot_be_rehearsed(tmp_path: Path) -> None:
    settings_of(tmp_path, EXPERIMENT.replace('"adaptive"', '"live"'))

    done = CliRunner().invoke(app, ["rehearse", str(tmp_path / "experiment.toml")])

    assert done.exit_code == 3
    assert "adaptive" in done.output
