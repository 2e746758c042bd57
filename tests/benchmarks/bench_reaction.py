"""Reaction: from the end of an exposure to the request that rests on it, door by door, on a live rig.

Run: python tests/benchmarks/bench_reaction.py [RATE_HZ, default 10 and 20] [SECONDS each, default 60] [DIAMETER_PX]

`stentor run` of the simulated microscope, 512 x 512, real time, its processes as anywhere: scope, daemon with the
shipped nuclei model, and one controller, a rule that asks for something on every result. Prints the median and p99 of
every step of a frame's way, the model time (all stages of the plan), and what the aims say of them.
"""

import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATES_HZ: Final = (10.0, 20.0)
SECONDS: Final = 60.0
WARM: Final = 20
"""First frames left out: the controller registers, caches fill."""

CONFIG: Final = """
[rig.simulated]
seed = 1

[acquisition]
mode = "adaptive"
rate_hz = {rate_hz}
frames = {frames}
exposure_ms = {exposure_ms}

[[plan]]
stage = "normalise"
[[plan]]
stage = "segment"
model = "nuclei"
{told}
[[plan]]
stage = "measure"
[[plan]]
stage = "track"

[guard]
armed = true

[[controller]]
kind = "rule"
when = "count(objects) >= 0"
then = [{{ kind = "set-exposure", exposure_ms = {exposure_ms} }}]
every_s = 0.001

[publish]
wait_for = ["recorder"]

[record]
folder = "{folder}/sessions"
"""

STEPS: Final = (
    ("exposure end -> received", "exposed", "received"),
    ("received -> in the ring", "received", "tapped"),
    ("in the ring -> dequeued", "tapped", "dequeued"),
    ("dequeued -> plan done", "dequeued", "post"),
    ("plan done -> published", "post", "published"),
    ("published -> issued", "published", "issued"),
    ("issued -> at the guard", "issued", "guarded"),
    ("at the guard -> started", "guarded", "started"),
    ("started -> done", "started", "done"),
    ("exposure end -> issued", "exposed", "issued"),
    ("exposure end -> started", "exposed", "started"),
)

RECORDER: Final = """
import sys, json, stentor
with stentor.Listener(name="recorder", delivery="record", idle_timeout_s=20) as listener:
    for result in listener:
        print(json.dumps([result.frame.sequence, result.header.stage_ms]), flush=True)
"""


def busy_s() -> float:
    """Return the processor time that this machine has given to anybody since it began, its host's theft included."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def own_s() -> float:
    """Return the processor time of this process and of all children that have ended."""
    return sum(os.times()[:4])


def live(
    folder: Path, rate_hz: float, seconds: float, diameter_px: float | None
) -> tuple[dict[str, NDArray[np.float64]], list[dict[str, float]], str]:
    """Return, of every frame asked on, its stamps by door in ms from its exposure's end; times of stages; outcomes."""
    exposure_ms = min(20.0, 400.0 / rate_hz)
    config = folder / "rig.toml"
    frames = int(rate_hz * seconds)
    told_px = "" if diameter_px is None else f"object_diameter_px = {diameter_px}"
    config.write_text(
        CONFIG.format(rate_hz=rate_hz, frames=frames, exposure_ms=exposure_ms, folder=folder, told=told_px)
    )
    environment = {**os.environ, "STENTOR_RUNTIME_DIR": str(folder / "run")}
    recorder = subprocess.Popen([sys.executable, "-c", RECORDER], stdout=subprocess.PIPE, text=True, env=environment)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "stentor"), "run", str(config), "--summary", "json"],
        env=environment, capture_output=True, text=True, timeout=seconds + 120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    outcomes = json.loads(done.stdout.splitlines()[-1])["outcomes"]
    out, _ = recorder.communicate(timeout=60)
    stage_ms = [by_stage for sequence, by_stage in map(json.loads, out.splitlines()) if sequence >= WARM]
    told_outcomes = f"{outcomes['result']} results of {outcomes['seen']} frames"
    return stamps_of(folder), stage_ms, told_outcomes


def stamps_of(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Join the decision log and the ledger of the one session in a folder."""
    (decisions,), (ledger,) = (list(folder.rglob(name)) for name in ("decisions.sqlite", "ledger.sqlite"))
    frames = {
        row[0]: row[1:]
        for row in sqlite3.connect(ledger).execute(
            "SELECT sequence, received_ns, tapped_us, dequeued_us, post_us, published_us FROM frames"
        )
    }
    rows = []
    for sequence, *stamps_ns in sqlite3.connect(decisions).execute(
        "SELECT sequence, seen_ns, issued_ns, received_ns, started_ns, done_ns FROM decisions WHERE verdict = 'done'"
    ):
        if sequence is None or sequence < WARM:
            continue
        received_ns, *later_us = frames[sequence]
        exposed, *asked = (stamp / 1e6 for stamp in stamps_ns)
        received = received_ns / 1e6
        doors = (received, *(received + us / 1e3 for us in later_us))
        rows.append([stamp - exposed for stamp in (exposed, *doors, *asked)])
    names = ("exposed", "received", "tapped", "dequeued", "post", "published", "issued", "guarded", "started", "done")
    return dict(zip(names, np.array(rows).T, strict=True))


def told(name: str, values: Any) -> str:
    """Return one line of figures."""
    return (
        f"  {name:26} n {len(values):5}  p50 {np.percentile(values, 50):7.2f}  p90 {np.percentile(values, 90):7.2f}  "
        f"p99 {np.percentile(values, 99):7.2f}  max {np.max(values):7.2f} ms"
    )


def main() -> None:
    rates_hz = (float(sys.argv[1]),) if len(sys.argv) > 1 else RATES_HZ
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    diameter_px = float(sys.argv[3]) if len(sys.argv) > 3 else None
    size = "learned" if diameter_px is None else f"told, {diameter_px:g} px"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}; model nuclei, the objects' size {size}")
    for rate_hz in rates_hz:
        began_s, busy, own = time.monotonic(), busy_s(), own_s()
        with tempfile.TemporaryDirectory() as made:
            stamps, stage_ms, outcomes = live(Path(made), rate_hz, seconds, diameter_px)
        others = (busy_s() - busy - own_s() + own) / (time.monotonic() - began_s)
        print(f"{rate_hz:g} frames/s, 512 x 512, {outcomes}; others took {others:.2f} of {os.cpu_count()} cores")
        for name, begin, end in STEPS:
            print(told(name, stamps[end] - stamps[begin]))
        for stage in stage_ms[0]:
            print(told(f"stage {stage}", [by_stage[stage] for by_stage in stage_ms]))
        model_ms = [sum(by_stage.values()) for by_stage in stage_ms]
        print(told("model time, all stages", model_ms))
        reaction_ms = stamps["issued"] - stamps["exposed"]
        p50, p99 = np.percentile(reaction_ms, (50, 99))
        print(
            f"  over the model's median: {p50 - np.median(model_ms):.2f} ms (aim: under 10); "
            f"p99 in frame intervals: {p99 * rate_hz / 1000:.2f} (aim: under 2)"
        )


if __name__ == "__main__":
    main()
