"""How soon a running acquisition does what it is asked: `python tests/benchmarks/bench_adaptive.py [N]`.

The acquisition takes a time point every two seconds, so that what is asked for comes in between. For each rig: from the
request to its receipt, and from the request to the arrival of the image that it asked for, its exposure of 10 ms
included.
"""

import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mm_test_adapters
import numpy as np

import stentor
from stentor.client.commands import ask
from stentor.core.errors import PublishError
from stentor.wire import platforms
from stentor.wire.platforms import system_clock

STENTOR = Path(sys.executable).parent / "stentor"
DEMO = f"""
[rig]
kind = "micro-manager"
config_file = "MMConfig_demo.cfg"
adapter_path = "{mm_test_adapters.device_adapter_path()}"
"""
RIGS = {
    "simulated, pymmcore-plus": "[rig.simulated]\nwidth = 512\nheight = 512\n",
    "DemoCamera, pycromanager": DEMO,
    "DemoCamera, pymmcore-plus": DEMO + 'engine = "pymmcore-plus"\n',
}
CONFIG = """
plan = [{ stage = "quality" }]
[acquisition]
mode = "adaptive"
rate_hz = 0.5
exposure_ms = 10.0
[guard]
armed = true
actions_per_s = 1000.0
"""


@contextmanager
def running(text: str) -> Iterator[None]:
    """A rig as real processes, from its first result on."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[platforms.RUNTIME_DIR_VARIABLE] = f"{folder}/run"
        config = Path(folder) / "rig.toml"
        config.write_text(text)
        process = subprocess.Popen(
            [STENTOR, "run", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": folder},
        )  # fmt: skip
        try:
            _await_results()
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _await_results() -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            if ask("status").status.outcomes.result > 1:
                return
        except PublishError:
            pass
        time.sleep(0.1)
    raise SystemExit("the rig gave no results in a minute")


def measure(n: int) -> dict[str, list[float]]:
    """Ask n times for an image in between; milliseconds."""
    clock, spans = system_clock(), {"receipt": [], "image": []}  # type: ignore[var-annotated]
    with stentor.connect() as microscope:
        for _ in range(n):
            asked_ns = clock.monotonic_ns()
            receipt = microscope.acquire({"exposure": 10.0})
            spans["receipt"].append((clock.monotonic_ns() - asked_ns) / 1e6)
            frame = microscope.wait_for({"asked": int(receipt.read_back["asked"])}, timeout_s=5).frame
            spans["image"].append((frame.received_ns - asked_ns) / 1e6)
    return spans


def main() -> None:
    """Print a line for each rig."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before, n = {n}")
    for name, rig in RIGS.items():
        with running(CONFIG + rig):
            spans = measure(n)
        said = "   ".join(
            f"{what} p50 {statistics.median(ms):.1f} p99 {np.percentile(ms, 99):.1f} ms" for what, ms in spans.items()
        )
        print(f"{name:28} {said}")


if __name__ == "__main__":
    main()
