"""Every example in the README, the docs and the docstrings runs."""

import doctest
import importlib
import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from ndstorage import NDTiffDataset

import stentor
from stentor.service.configuration import load_settings
from stentor.service.controllers import check_controllers
from stentor.train.synthetic import draw_field

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = ("README.md", *(f"docs/how-to/{name}.md" for name in ("tracking", "classify", "augmented-microscopy")))
WITHOUT_TORCH = ("stentor.train",)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def modules() -> list[str]:
    return [
        module.name for module in pkgutil.walk_packages(stentor.__path__, "stentor.") if "_models" not in module.name
    ]


@pytest.mark.parametrize("name", modules())
def test_docstring_examples_run(name: str) -> None:
    if name.startswith(WITHOUT_TORCH):
        pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")

    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0


def test_the_readme_opens_with_the_two_commands() -> None:
    first = blocks(ROOT / "README.md", "sh")[0].splitlines()

    assert first[0].startswith("python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/stentor run")
    assert first[1].startswith('python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest')


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_configurations_in_the_docs_are_valid(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        load_settings(path)


def test_the_commented_example_configuration_is_valid_and_shows_every_table() -> None:
    path = ROOT / "systemd" / "scope1.toml"

    settings = load_settings(path)

    assert settings.name == "scope1"
    assert set(tomllib.loads(path.read_text())) >= {"name", "rig", "acquisition", "source", "plan", "guard", "publish"}


def test_what_is_commented_out_in_the_example_configuration_is_valid_too(tmp_path: Path) -> None:
    text = (ROOT / "systemd" / "scope1.toml").read_text()
    path = tmp_path / "all.toml"
    everything = re.sub(r"^# (\[|\w+ = |\"[\w.]+\" = |kind = )", r"\1", text, flags=re.MULTILINE)
    path.write_text(everything.replace('mode = "live"', 'mode = "adaptive"'))  # a barrier goes with nothing else

    settings = load_settings(path)

    check_controllers(settings.controller)
    assert settings.controller and settings.guard.z_boxes and settings.guard.properties and settings.guard.safe
    shown = path.read_text()
    for table in (settings.guard, settings.guard.dose, settings.record):
        assert [key for key in table.__struct_fields__ if key not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = [t for t in re.findall(r"\]\(([^)#]+)", page.read_text()) if not t.startswith(("http", "mailto"))]

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_python_examples_run_against_a_running_rig(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "STENTOR_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    stentor_command = Path(sys.executable).parent / "stentor"
    rig = subprocess.Popen(
        [stentor_command, "run", "--frames", "120", "--summary", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    try:
        examples = [code for page in RUNNABLE for code in blocks(ROOT / page, "python")]
        assert len(examples) >= 4
        for example in examples:
            # An endless loop of an example ends after its first turn.
            code = re.sub(
                r"^(for result in stentor\.listen\(.*\):\n(?:    .*\n)+)", r"\1    break\n", example, flags=re.M
            )
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
                check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{code}\n{done.stderr}"
            assert done.stdout.strip()
            for answer in re.findall(r"^ *print\(.*\)  # (refused .*)$", example, re.MULTILINE):
                assert answer in done.stdout
        out, _ = rig.communicate(timeout=60)
    finally:
        rig.kill()
    assert json.loads(out.splitlines()[-1])["outcomes"]["failed"] == 0


def test_commands_of_the_replay_page_run(tmp_path: Path) -> None:
    make_recordings(tmp_path)
    environment = {
        **os.environ,
        "STENTOR_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    commands = [line for text in blocks(ROOT / "docs" / "how-to" / "replay.md", "sh") for line in text.splitlines()]
    assert len(commands) >= 7

    for command in commands:
        done = subprocess.run(
            [*shlex.split(command), "--summary", "json"], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        outcomes = json.loads(done.stdout.splitlines()[-1])["outcomes"]
        assert outcomes["seen"] > 0 and outcomes["failed"] == 0, command
        assert "--pace" in command or outcomes["result"] == outcomes["seen"], command


def test_commands_of_the_fine_tuning_page_run(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    folder = tmp_path / "my_cells"
    folder.mkdir()
    for number in range(5):
        field = draw_field((128, 160), 4, seed=number)
        cv2.imwrite(str(folder / f"{number}.image.png"), field.image_yx)
        cv2.imwrite(str(folder / f"{number}.labels.png"), field.labels_yx.astype(np.uint16))
    page = ROOT / "docs" / "how-to" / "fine-tune.md"
    commands = [line for text in blocks(page, "sh") for line in text.splitlines()]
    assert len(commands) == 2

    for command in commands:
        short = [*shlex.split(command), *(("--steps", "2") if " train " in command else ())]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            short, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert (tmp_path / "nuclei-my_cells" / "1" / "model.onnx").is_file()
    assert "before" in done.stdout and "after" in done.stdout


def test_commands_of_the_page_about_other_people_s_models_run(tmp_path: Path) -> None:
    network = ROOT.parent / "shared" / "models_third_party" / "baby_yeast_unet_1z.onnx"
    if not network.is_file():
        pytest.skip("the network is not at ../shared/models_third_party")
    shutil.copy(network, tmp_path)
    folder = tmp_path / "my_yeast"
    folder.mkdir()
    field = draw_field((128, 160), 4)
    cv2.imwrite(str(folder / "a.image.png"), field.image_yx)
    cv2.imwrite(str(folder / "a.labels.png"), field.labels_yx.astype(np.uint16))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    page = ROOT / "docs" / "how-to" / "other-peoples-models.md"
    (completed,) = blocks(page, "text")
    commands = [line for text in blocks(page, "sh") for line in text.splitlines()]
    assert len(commands) >= 4

    for command in commands:
        done = subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        if "--template" in command:
            card = tmp_path / "yeast.toml"
            for line in completed.splitlines():
                key = line.split(" = ")[0]
                text, changed = re.subn(rf"^{key} = .*$", line, card.read_text(), count=1, flags=re.MULTILINE)
                assert changed, line
                card.write_text(text)


def make_recordings(folder: Path) -> None:
    """Make what the page about replay speaks of: timelapse.tif, plate and run_1."""
    images = np.random.default_rng(0).poisson(100, (6, 64, 64)).astype(np.uint16)
    tifffile.imwrite(folder / "timelapse.tif", images)
    (folder / "plate").mkdir()
    for n, image in enumerate(images):
        tifffile.imwrite(folder / "plate" / f"{n}.image.tif", image)
        cv2.imwrite(str(folder / "plate" / f"{n}.image.png"), image)
    dataset = NDTiffDataset(str(folder), name="run", writable=True, summary_metadata={})
    dataset.initialize({})
    for n, image in enumerate(images):
        dataset.put_image({"time": n}, image, {"ElapsedTime-ms": 200 * n})
    dataset.finish()
    dataset.close()
