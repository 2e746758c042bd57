"""The house rules that a machine can check: imports, sizes, broad excepts, names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "daemon").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
BROAD_EXCEPTS = {"daemon/stentor/core/stranger.py", "daemon/stentor/core/callback.py"}


def test_import_contracts_hold() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module", ["stentor.client.listener", "stentor.client.commands", "stentor.wire.producer", "stentor.tap"]
)
def test_clients_need_numpy_msgspec_and_pyzmq_only(module: str) -> None:
    code = f"""
import sys
class Only:
    allowed = {{"numpy", "msgspec", "zmq", "stentor"}}
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in self.allowed or top.startswith("_"):
            return None
        if sys._getframe(1).f_globals.get("__name__", "").startswith("stentor") or top not in {{"cython"}}:
            blocked.append(name)
        raise ModuleNotFoundError(name)
blocked = []
sys.meta_path.insert(0, Only())
import {module}
import stentor
stentor.listen, stentor.PycromanagerTap, stentor.PymmcorePlusTap
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


def test_broad_excepts_stand_in_two_places() -> None:
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"Exception"}
                is_passed_on = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in node.body)
                if names & {"Exception", "BaseException"} and not is_passed_on:
                    found.add(path.relative_to(ROOT).as_posix())

    assert found == BROAD_EXCEPTS


def test_no_module_outgrows_its_noun() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}

    assert {name: n for name, n in lengths.items() if n > 300} == {}


def test_every_module_says_what_it_is() -> None:
    missing = [p.relative_to(ROOT).as_posix() for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))]

    assert missing == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils.py", "helpers.py", "common.py", "manager.py"}

    assert [path for path in SOURCES if path.name in drawers] == []


def test_core_modules_are_light() -> None:
    code = "import sys, stentor.cli, stentor.scope.settings, stentor.inference.settings; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    heavy = {"cv2", "onnxruntime", "scipy", "torch", "pymmcore", "pymmcore_plus", "pycromanager"}
    assert heavy & set(done.stdout.split()) == set()
