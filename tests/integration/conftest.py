"""A whole rig as real processes, in folders of its own, for tests that start, kill and question it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.client.commands import ask
from stentor.core.errors import PublishError
from stentor.record.ledger_reader import LedgerReader
from stentor.wire import platforms, rendezvous, ring
from stentor.wire.command import Status

STENTOR = Path(sys.executable).parent / "stentor"

FAULTY_STAGES = Path(__file__).resolve().parents[1] / "faulty_stages"

RECORDER = """
import sys, stentor
with stentor.Listener(sys.argv[1], name="saver", delivery="record", idle_timeout_s=float(sys.argv[2])) as listener:
    for result in listener:
        print(result.frame.frame_id.run, result.frame.sequence, flush=True)
"""


class Rig:
    """One configuration in its own folders; every process it starts is ended with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.runtime = folder / "run"
        # Of its own, so that what another rig leaves behind, or is about to, is none of ours.
        self.rings = Path(tempfile.mkdtemp(prefix="stentor-test-", dir=platforms.shared_memory_dir()))
        self.environment = {
            **os.environ,
            platforms.RUNTIME_DIR_VARIABLE: str(self.runtime),
            platforms.RING_DIR_VARIABLE: str(self.rings),
            "XDG_STATE_HOME": str(self.state),
            "PYTHONPATH": str(FAULTY_STAGES),
        }
        self.processes: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, config: str | None, *arguments: str) -> "subprocess.Popen[str]":
        """Start `stentor run` with a configuration's text."""
        file = [] if config is None else [str(self.write("rig.toml", config))]
        return self.spawn(str(STENTOR), "run", *file, "--summary", "json", *arguments)

    def recorder(self, idle_s: float = 60.0) -> "subprocess.Popen[str]":
        """Start a record consumer named "saver" that prints run and sequence of each result."""
        return self.spawn(sys.executable, "-c", RECORDER, rendezvous.DEFAULT_NAME, str(idle_s))

    def command(self, *words: str) -> "subprocess.Popen[str]":
        """Start another verb of the command line."""
        return self.spawn(str(STENTOR), *words)

    def spawn(self, *command: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run(self, config: str | None, *arguments: str, timeout_s: float = 120) -> dict[str, Any]:
        """Run a rig to its end and return its summary."""
        return self.finish(self.start(config, *arguments), timeout_s)

    def finish(self, process: "subprocess.Popen[str]", timeout_s: float = 120) -> dict[str, Any]:
        """Wait for the end of `stentor run` and return its summary, with what it said on standard error."""
        out, err = process.communicate(timeout=timeout_s)
        assert out.strip(), err
        summary: dict[str, Any] = json.loads(out.splitlines()[-1])
        summary["stderr"] = err
        summary["returncode"] = process.returncode
        return summary

    def status(self) -> Status | None:
        with contextlib.suppress(PublishError):
            return ask("status", timeout_s=1.0).status
        return None

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        """Wait until a condition holds and return what it said."""
        deadline, pause = time.monotonic() + timeout_s, threading.Event()
        while True:
            answer = condition()
            if answer:
                return answer
            assert time.monotonic() < deadline, f"nothing happened in {timeout_s} s; status {self.status()}"
            pause.wait(0.05)

    def results_so_far(self) -> int:
        status = self.status()
        return 0 if status is None else status.outcomes.result

    def pid_of(self, child: str) -> int:
        """The process id of the rig's "daemon" or "scope"."""

        def look() -> int | None:
            for process in self.processes:
                for pid in _children(process.pid):
                    with contextlib.suppress(OSError):
                        if f"stentor.service.{child}_process" in Path(f"/proc/{pid}/cmdline").read_text():
                            return pid
            return None

        return int(self.wait_for(look))

    def ledger(self) -> LedgerReader:
        (path,) = self.state.rglob("ledger.sqlite")
        return LedgerReader(path)

    def leftovers(self) -> list[str]:
        """What should not be there after the end: rendezvous, locks, and rings whose writers are dead."""
        return [path.name for path in self.runtime.glob("*")] + ring.sweep()

    def close(self) -> None:
        for process in self.processes:
            children = _children(process.pid)
            for pid in [process.pid, *children]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            _, err = process.communicate(timeout=10)
            print(f"--- last words of {process.args}\n{(err or '')[-4000:]}")  # shown when the test fails
        shutil.rmtree(self.rings)


def _children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(tmp_path)
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(made.runtime))
    monkeypatch.setenv(platforms.RING_DIR_VARIABLE, str(made.rings))
    yield made
    made.close()


def demo_camera(sequence_file: str, *, plan: str = "", more: str = "") -> str:
    """A configuration: DemoCamera through pycromanager, running a sequence."""
    import mm_test_adapters

    return f"""
{plan or "plan = []"}
{more}
[rig]
kind = "micro-manager"
config_file = "MMConfig_demo.cfg"
adapter_path = "{mm_test_adapters.device_adapter_path()}"
[acquisition]
mode = "sequence"
sequence_file = "{sequence_file}"
"""


@pytest.fixture
def demo() -> Callable[..., str]:
    return demo_camera


BURST = "time_plan: {interval: 0, loops: 500}\nchannels: [{config: DAPI, exposure: 10}]\n"
CUBE = """
stage_positions: [{x: 0, y: 0, z: 0}, {x: 100, y: 50, z: 5}]
time_plan: {interval: 0, loops: 4}
channels: [{config: DAPI, exposure: 5}, {config: FITC, exposure: 10}]
z_plan: {range: 4, step: 2}
"""


@pytest.fixture
def burst(rig: Rig) -> str:
    """Path of a useq file: 500 images as one hardware sequence."""
    return str(rig.write("burst.yaml", BURST))


@pytest.fixture
def cube(rig: Rig) -> str:
    """Path of a useq file: 2 positions, 4 time points, 2 channels, 3 planes, 48 images."""
    return str(rig.write("cube.yaml", CUBE))
