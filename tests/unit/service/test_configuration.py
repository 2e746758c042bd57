"""Configuration: every fault is said at once, with file, key, expectation and the nearest known key."""

from pathlib import Path

import pytest

from stentor.core.errors import ConfigError
from stentor.service.check import check
from stentor.service.configuration import load_settings


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scope1.toml"
    path.write_text(text)
    return path


def test_no_file_is_the_simulated_microscope() -> None:
    settings = load_settings(None)

    assert settings.rig.kind == "simulated"
    assert settings.acquisition.rate_hz == 10.0


def test_a_file_is_read_into_settings(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'name = "scope1"\n[rig]\nkind = "micro-manager"\nconfig_file = "a.cfg"\n[[plan]]\nstage = "x"\n'
    )

    settings = load_settings(path)

    assert (settings.name, settings.rig.config_file, settings.plan) == ("scope1", "a.cfg", ({"stage": "x"},))


def test_every_fault_is_said_with_the_nearest_key(tmp_path: Path) -> None:
    path = write(tmp_path, "nam = 'x'\n[acquisition]\nexposur_ms = 5\nrate_hz = 'fast'\n[rig.simulated]\nseeed = 1\n")

    with pytest.raises(ConfigError) as caught:
        load_settings(path)

    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(str(path) in line for line in lines)
    assert "did you mean `name`?" in lines[0]
    assert "`acquisition.exposur_ms`; did you mean `acquisition.exposure_ms`?" in lines[1]
    assert "`acquisition.rate_hz`" in lines[2]
    assert "did you mean `rig.simulated.seed`?" in lines[3]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            '[acquisition]\nmode = "adaptiv"\n',
            "`acquisition.mode`: Invalid enum value 'adaptiv'; did you mean 'adaptive'",
        ),
        ('[rig]\nengine = "pymmcore"\n', "did you mean 'pymmcore-plus'?"),
        ('[rig]\nkind = "zeiss"\n', "there are micro-manager, replay, simulated, tap"),
    ],
)
def test_a_wrong_word_is_said_with_the_nearest_that_is_taken(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))

    assert hint in str(caught.value)


@pytest.mark.parametrize(("text", "hint"), [("a = = 1", "is not TOML"), ("name = '../x'", "rig's name")])
def test_nonsense_is_refused(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        load_settings(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        load_settings(tmp_path / "nowhere.toml")


def test_a_sequence_file_lies_beside_its_configuration(tmp_path: Path) -> None:
    path = write(tmp_path, '[acquisition]\nmode = "sequence"\nsequence_file = "s.yaml"\n')

    assert load_settings(path).acquisition.sequence_file == str(tmp_path / "s.yaml")


def test_a_folder_means_its_experiment(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text('name = "mine"\n[record]\nfolder = "runs"\n')

    settings = load_settings(tmp_path)

    assert settings.name == "mine"
    assert settings.record.folder == str(tmp_path / "runs")


def test_a_folder_without_an_experiment_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"experiment\.toml: cannot be read.*a \.toml file or a folder"):
        load_settings(tmp_path)


def test_a_micro_manager_configuration_may_lie_beside_its_experiment(tmp_path: Path) -> None:
    text = '[rig]\nkind = "micro-manager"\nconfig_file = "scope.cfg"\n'
    elsewhere = load_settings(write(tmp_path, text)).rig.config_file
    (tmp_path / "scope.cfg").touch()

    beside = load_settings(write(tmp_path, text)).rig.config_file

    assert (elsewhere, beside) == ("scope.cfg", str(tmp_path / "scope.cfg"))


def test_a_range_in_which_nothing_lies_is_refused(tmp_path: Path) -> None:
    text = """
[guard]
x_um = [300.0, -300.0]
z_boxes = [{ x_um = [0.0, 1.0], y_um = [0.0, 1.0], z_um = [5.0, -5.0] }]
properties = { "Lamp.Intensity" = { range = [50.0, 10.0] } }
"""

    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))

    lines = str(caught.value).splitlines()
    assert [line.split("`")[1] for line in lines] == [
        "guard.x_um", 'guard.properties."Lamp.Intensity".range', "guard.z_boxes[0].z_um",
    ]  # fmt: skip
    assert all("give the lower end first" in line for line in lines)


def test_check_finds_limits_on_devices_that_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, 'plan = []\n[rig.simulated]\nwidth = 64\nheight = 64\n[guard]\ndevices = ["Lampe"]\n')

    faults = [fault for _, fault in check(path) if fault is not None]

    assert len(faults) == 1
    assert "guard.devices: no device 'Lampe'" in faults[0] and "Lamp" in faults[0]


def test_what_cannot_be_together_is_refused_with_the_remedy(tmp_path: Path) -> None:
    text = """
[acquisition]
mode = "sequence"
sequence_file = "run.yaml"
barrier = { controller = "stimulate" }
[guard]
on_silence = "safe"
"""

    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))

    silence, barrier = str(caught.value).splitlines()
    assert "nothing can hold up a fixed sequence" in silence and '"adaptive"' in silence
    assert "waits for nobody" in barrier


def test_a_barrier_that_waits_for_almost_a_controller_is_a_slip(tmp_path: Path) -> None:
    # Nobody let the acquisition go on: each image waited for the time-out.
    path = tmp_path / "scope1.toml"
    text = """
[acquisition]
mode = "adaptive"
barrier = { controller = "WHO" }
[[controller]]
kind = "stimulate"
which = "area_px > 1"
duration_s = 0.1
"""
    path.write_text(text.replace("WHO", "stimulat"))
    with pytest.raises(ConfigError, match="no controller 'stimulat'; did you mean 'stimulate'"):
        load_settings(path)

    path.write_text(text.replace("WHO", "my script"))

    assert load_settings(path).acquisition.barrier is not None
