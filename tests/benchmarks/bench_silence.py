"""Silence: from a daemon or controller that stands still or dies to the microscope in its configured state.

Run: python tests/benchmarks/bench_silence.py [ROUNDS, default 5]

`stentor run` on the simulated microscope at 10 frames/s, `silence_s` at its default. The daemon or the controller is
stopped (SIGSTOP) or killed (SIGKILL). With on_silence = "pause" the time is that of the guard's own decision, unless a
killed daemon's successor has spoken before; with "safe" it is that at which the guard has set the lamp dark, which the
lamp itself confirms afterwards. Prints every round's seconds.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

import stentor
from stentor.control.admission import OPERATOR
from stentor.core.action import Arm, Pause, Resume, SetProperty
from stentor.core.errors import PublishError, RecordError
from stentor.core.microscope import Microscope
from stentor.record.decisions import Decision, read_decisions

ROUNDS: Final = 5
LIMIT_S: Final = 60.0

CONFIG: Final = """
plan = [{{ stage = "quality" }}]

[rig.simulated]
width = 256
height = 256

[acquisition]
mode = "adaptive"
rate_hz = 10.0
exposure_ms = 10.0

[guard]
armed = true
on_silence = "{on_silence}"
devices = ["Lamp"]
safe = {{ "Lamp.Intensity" = 0.0 }}

[guard.dose]
lamp = "Lamp.Intensity"

[[controller]]
kind = "stop-when"
when = "time_s < 0"

[record]
folder = "{folder}/sessions"
"""


def wait_for(said: Callable[[], Any]) -> Any:
    """Return what is said once it is true."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(PublishError, RecordError):
            if answer := said():
                return answer
        time.sleep(0.02)
    raise SystemExit(f"nothing happened in {LIMIT_S:g} s")


def lamp(script: Microscope) -> float:
    """Return the lamp's own word, percent; -1: it said none."""
    return float(script.set_exposure(10.0).read_back.get("Lamp.Intensity", -1.0))


class Rig:
    """One `stentor run` in a folder of its own."""

    def __init__(self, folder: Path, on_silence: str) -> None:
        self.folder = folder
        (folder / "rig.toml").write_text(CONFIG.format(on_silence=on_silence, folder=folder))
        command = [str(Path(sys.executable).parent / "stentor"), "run", str(folder / "rig.toml"), "--summary", "json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def wait_until_it_runs(self) -> None:
        """Wait for every process and for results."""
        wait_for(lambda: self.pid_of("daemon") and self.pid_of("controller") and self.is_lit())
        self.settle()

    def is_lit(self) -> bool:
        """Tell whether the lamp says that it shines."""
        with stentor.connect(controller=OPERATOR) as script:
            return lamp(script) > 0

    def hears_results(self) -> bool:
        """Tell whether a script that comes now is given results."""
        with stentor.connect(controller=OPERATOR) as script:
            return bool(script.results(0.2))

    def settle(self) -> None:
        """Wait until results come and everybody has given signs of life."""
        with stentor.connect(controller=OPERATOR) as script:
            for _ in range(10):
                wait_for(lambda: script.results(1.0))

    def pid_of(self, child: str) -> int | None:
        """Return the process of a child that lives."""
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                if f"stentor.service.{child}_process" in Path(f"/proc/{pid}/cmdline").read_text():
                    return int(pid)
        return None

    def own_decisions(self, kind: type) -> list[Decision]:
        """Return what the guard did by itself."""
        (log,) = self.folder.rglob("decisions.sqlite")
        return [one for one in read_decisions(log) if one.cause.controller == "guard" and isinstance(one.action, kind)]

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=LIMIT_S)


@contextlib.contextmanager
def rig(on_silence: str) -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as made:
        os.environ["STENTOR_RUNTIME_DIR"] = f"{made}/run"
        one = Rig(Path(made), on_silence)
        try:
            one.wait_until_it_runs()
            yield one
        finally:
            one.end()


def paused_after_s(one: Rig, child: str) -> float:
    """Stop a child until the guard pauses, and let all go on afterwards."""
    before, resumed = len(one.own_decisions(Pause)), len(one.own_decisions(Resume))
    pid, began_ns = one.pid_of(child), time.time_ns()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: len(one.own_decisions(Pause)) > before)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: len(one.own_decisions(Resume)) > resumed)
    one.settle()
    return (one.own_decisions(Pause)[-1].wall_ns - began_ns) / 1e9


def killed(one: Rig) -> tuple[float | None, float]:
    """Kill the daemon; return when the guard paused (None: the next one spoke before) and when results were back."""
    pid, began_ns = one.pid_of("daemon"), time.time_ns()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: one.pid_of("daemon") not in (None, pid))
    wait_for(one.hears_results)
    back_s = (time.time_ns() - began_ns) / 1e9
    one.settle()
    pauses = one.own_decisions(Pause)
    return (pauses[-1].wall_ns - began_ns) / 1e9 if pauses else None, back_s


def dark_after_s(one: Rig, child: str) -> float:
    """Stop a child until the lamp is dark, then light it again."""
    pid, before = one.pid_of(child), len(one.own_decisions(SetProperty))
    assert pid is not None
    # One connection for all: to come and to go again takes a second where the daemon does not answer.
    with stentor.connect(controller=OPERATOR) as script:
        began_ns = time.time_ns()
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: len(one.own_decisions(SetProperty)) > before)
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: script.do(Arm()).is_done)
        if (lit := lamp(script)) != 0.0:
            raise SystemExit(f"the lamp says {lit:g} %")
        wait_for(lambda: script.set_property("Lamp", "Intensity", 100.0).is_done and script.resume().is_done)
    one.settle()
    return (one.own_decisions(SetProperty)[-1].wall_ns - began_ns) / 1e9


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.2f}")
    results: dict[str, list[float]] = {}
    for child in ("daemon", "controller"):
        with rig("pause") as one:
            name = f"{child} stopped, pause"
            results[name] = [paused_after_s(one, child) for _ in range(rounds)]
        with rig("safe") as one:
            results[f"{child} stopped, safe"] = [dark_after_s(one, child) for _ in range(rounds)]
    rounds_killed = []
    for _ in range(rounds):  # each in a run of its own: after three deaths a daemon is given up
        with rig("pause") as one:
            rounds_killed.append(killed(one))
    if pauses := [paused_s for paused_s, _ in rounds_killed if paused_s is not None]:
        results["daemon killed, pause"] = pauses
    results["daemon killed, results are back"] = [back_s for _, back_s in rounds_killed]
    for name, times_s in results.items():
        each = " ".join(f"{time_s:.2f}" for time_s in times_s)
        print(f"{name:32} n {len(times_s)}  median {np.median(times_s):.2f}  max {max(times_s):.2f} s  ({each})")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
