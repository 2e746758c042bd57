"""The wheel holds the code, the plugins, the models and the units, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_models_are_in_the_wheel(contents: list[str]) -> None:
    shipped = {path.relative_to(ROOT / "models").as_posix() for path in (ROOT / "models").rglob("*") if path.is_file()}

    assert {f"stentor/_models/{name}" for name in shipped} <= set(contents)
    assert "stentor/_models/nuclei/3/model.int8.onnx" in contents


def test_templates_of_experiments_are_in_the_wheel(contents: list[str]) -> None:
    home = ROOT / "daemon" / "stentor" / "service" / "templates"
    shipped = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.suffix in (".toml", ".md", ".py")}

    assert {f"stentor/service/templates/{name}" for name in shipped} <= set(contents)
    assert "event-rate/experiment.toml" in shipped


def test_code_plugins_and_units_are_in_the_wheel(contents: list[str]) -> None:
    for name in (
        "stentor/cli/application.py",
        "stentor/py.typed",
        "stentor_plugins/segment.py",
        "stentor/_systemd/stentor.service",
    ):
        assert name in contents


def test_nothing_strange_is_in_the_wheel(contents: list[str]) -> None:
    tops = {name.partition("/")[0] for name in contents}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"stentor", "stentor_plugins"}


def test_entry_points_are_declared(contents: list[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in contents)
