"""Bad input: each fault is an error that names the remedy, before anything is lost."""

import resource
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mm_test_adapters
import pytest

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "nuclei" / "3"


def check(rig: Any, config: str) -> tuple[int, str]:
    path = rig.write("rig.toml", config)
    process: subprocess.Popen[str] = rig.command("check", str(path))
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def real(config_file: str, *more: str) -> str:
    folder = mm_test_adapters.device_adapter_path()
    lines = [
        "plan = []",
        "[rig]",
        'kind = "micro-manager"',
        f'config_file = "{config_file}"',
        f'adapter_path = "{folder}"',
    ]
    return "\n".join([*lines, *more])


def model_plan(folder: Path) -> str:
    return f'[[plan]]\nstage = "normalise"\n[[plan]]\nstage = "segment"\nmodel = "{folder}"\n'


def copy_of_the_model(rig: Any) -> Path:
    folder: Path = rig.folder / "nuclei" / "3"
    folder.mkdir(parents=True)
    for path in SHIPPED.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_good_configuration_passes(rig: Any) -> None:
    code, said = check(rig, 'name = "scope1"\n')

    assert code == 0, said
    assert said.count("ok ") == 3


def test_a_typo_is_named_with_the_nearest_key(rig: Any) -> None:
    code, said = check(rig, "[acquisition]\nexposur_ms = 5\n")

    assert code == 3
    assert "unknown key `acquisition.exposur_ms`; did you mean `acquisition.exposure_ms`?" in said


def test_a_missing_cfg_is_named(rig: Any) -> None:
    code, said = check(rig, real("nowhere.cfg"))

    assert code == 3
    assert "nowhere.cfg" in said and "rig.config_file" in said


def test_a_corrupt_cfg_is_named_with_its_line(rig: Any) -> None:
    path = rig.write("corrupt.cfg", "Device,Camera,DemoCamera,DCam\nProperty,Camera,Binning\ngarbage\n")

    code, said = check(rig, real(str(path)))

    assert code == 3
    assert "corrupt.cfg" in said and "FAULT microscope" in said


def test_an_unknown_channel_is_named_with_the_nearest(rig: Any) -> None:
    code, said = check(rig, real("MMConfig_demo.cfg", 'engine = "pymmcore-plus"', 'channel = "DAPPI"'))

    assert code == 3
    assert "DAPPI" in said and "DAPI" in said


def test_an_unknown_channel_of_a_sequence_is_refused_before_frame_1(rig: Any, demo: Callable[..., str]) -> None:
    sequence = rig.write("wrong.yaml", "time_plan: {interval: 0, loops: 3}\nchannels: [{config: NOPE, exposure: 5}]\n")

    process = rig.start(demo(str(sequence)))
    _, err = process.communicate(timeout=60)

    assert process.returncode == 3
    assert "NOPE" in err and "DAPI" in err


def test_a_truncated_model_is_named_with_the_remedy(rig: Any) -> None:
    folder = copy_of_the_model(rig)
    weights = folder / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:1000])

    code, said = check(rig, model_plan(folder) + 'precision = "float32"\n')

    assert code == 3
    assert "truncated or changed" in said and "reinstall" in said


def test_a_model_with_the_wrong_hash_is_refused(rig: Any) -> None:
    folder = copy_of_the_model(rig)
    card = folder / "card.toml"
    text = card.read_text()
    start = text.index('sha256 = "') + len('sha256 = "')
    card.write_text(text[:start] + "0" * 64 + text[start + 64 :])

    code, said = check(rig, model_plan(folder) + 'precision = "float32"\n')

    assert code == 3
    assert "instead of 000000000000" in said


def test_a_missing_model_is_named_with_those_that_there_are(rig: Any) -> None:
    code, said = check(rig, model_plan(Path("nucleii")))

    assert code == 3
    assert "no model 'nucleii'" in said and "nuclei@3" in said


def test_a_gpu_that_is_not_there_is_an_error_when_insisted_on(rig: Any) -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has a GPU")
    code, said = check(rig, '[[plan]]\nstage = "normalise"\n[[plan]]\nstage = "segment"\ndevice = "cuda"\n')

    assert code == 3
    assert "'cuda'" in said and "stentor[cuda]" in said


def test_a_port_in_use_is_an_error_and_nothing_is_left(rig: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        process = rig.start(f"plan = []\n[publish]\nresults_port = {port}\n")
        _, err = process.communicate(timeout=60)

    assert process.returncode == 6
    assert f"port {port}" in err and "0 for a free one" in err
    assert rig.leftovers() == []


def test_a_folder_that_cannot_be_written_is_an_error(rig: Any) -> None:
    file = rig.write("a-file", "")

    process = rig.start(f'plan = []\n[record]\nfolder = "{file}"\n')
    _, err = process.communicate(timeout=60)

    assert process.returncode == 7
    assert "record.folder" in err


def test_a_colour_camera_is_refused_before_frame_1(rig: Any, demo: Callable[..., str], burst: str) -> None:
    demo_cfg = (Path(mm_test_adapters.device_adapter_path()) / "MMConfig_demo.cfg").read_text()
    cfg = rig.write("colour.cfg", f"{demo_cfg}\nProperty,Camera,PixelType,32bitRGB\n")

    process = rig.start(demo(burst).replace("MMConfig_demo.cfg", str(cfg)))
    _, err = process.communicate(timeout=60)

    assert process.returncode == 4
    assert "set its PixelType property to 8bit or 16bit" in err


FULL_DISK = """
plan = [{stage = "quick"}]
[acquisition]
rate_hz = 100.0
exposure_ms = 1.0
[rig.simulated]
width = 64
height = 64
world_fields = 1
"""


def start_and_fill_the_disk(rig: Any) -> "subprocess.Popen[str]":
    """Start a rig, and let no file of its daemon grow any more once it is at work."""
    process: subprocess.Popen[str] = rig.start(FULL_DISK, "--frames", "600")
    rig.wait_for(lambda: rig.results_so_far() > 20)
    hard = resource.prlimit(rig.pid_of("daemon"), resource.RLIMIT_FSIZE)[1]
    resource.prlimit(rig.pid_of("daemon"), resource.RLIMIT_FSIZE, (1, hard))
    return process


def test_a_full_disk_is_said_and_when_it_is_freed_nothing_was_lost(rig: Any) -> None:
    process = start_and_fill_the_disk(rig)
    rig.wait_for(lambda: (status := rig.status()) is not None and "free the disk" in "".join(status.faults))

    hard = resource.prlimit(rig.pid_of("daemon"), resource.RLIMIT_FSIZE)[1]
    resource.prlimit(rig.pid_of("daemon"), resource.RLIMIT_FSIZE, (hard, hard))
    summary = rig.finish(process, 90)

    assert summary["outcomes"]["seen"] == 600 == sum(list(summary["outcomes"].values())[1:])
    assert summary["returncode"] == 0
    assert "the ledger can be written again" in summary["stderr"]


def test_a_disk_that_stays_full_ends_with_the_sums_in_words(rig: Any) -> None:
    process = start_and_fill_the_disk(rig)

    _, err = process.communicate(timeout=90)

    assert process.returncode == 7
    assert "the file lacks some of OutcomeCounts(seen=600" in err


def test_a_wrong_rule_ends_the_run_before_it_has_begun(rig: Any) -> None:
    process = rig.start(
        "plan = []\n[rig.simulated]\nwidth = 64\nheight = 64\n"
        '[[controller]]\nkind = "rule"\nwhen = "count(objects) = 3"\nthen = [{ kind = "pause" }]\n'
    )

    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (3, "")
    assert "to compare, write ==" in err
    assert "scope started" not in err, "the microscope is not even opened"
    assert "no summary" not in err
