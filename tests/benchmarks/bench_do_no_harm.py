"""Do no harm: intervals of a pycromanager sequence, rounds alternating without and with Stentor.

Run: python tests/benchmarks/bench_do_no_harm.py [ROUNDS, default 5] [PLANS, default all]

500 frames of 512 x 512 at 10 ms from DemoCamera as one hardware sequence. Without: a plain pycromanager script in a
process of its own. With: `stentor run` of the same sequence, its daemon segmenting with the shipped model, or with a
stage that sleeps, raises or ends its process. Both stamp a frame where pycromanager's image processor gets it. Prints
median and p99 of the intervals: of each round without, pooled for each kind, and the ratio of pooled p99.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ROUNDS: Final = 5
FRAMES: Final = 500
ROUND_TIMEOUT_S: Final = 120
SEQUENCE: Final = f"time_plan: {{interval: 0, loops: {FRAMES}}}\nchannels: [{{config: DAPI, exposure: 10}}]\n"

WITHOUT: Final = """
import json, os, sys, time
import mm_test_adapters
from pycromanager import Acquisition, multi_d_acquisition_events, start_headless
folder = mm_test_adapters.device_adapter_path()
start_headless(folder, os.path.join(folder, "MMConfig_demo.cfg"), python_backend=True, buffer_size_mb=256)
stamps = []
def stamp(image, metadata):
    stamps.append(time.perf_counter_ns())
with Acquisition(image_process_fn=stamp, show_display=False) as acquisition:
    acquisition.acquire(multi_d_acquisition_events(
        num_time_points=int(sys.argv[1]), channel_group="Channel", channels=["DAPI"], channel_exposures_ms=[10]))
with open(sys.argv[2], "w") as file:
    json.dump(stamps, file)
    file.flush()
os._exit(0)
"""

FAULTY_STAGES: Final = Path(__file__).resolve().parents[1] / "faulty_stages"
PLANS: Final = {
    "nuclei": '[[plan]]\nstage = "normalise"\n[[plan]]\nstage = "segment"\n[[plan]]\nstage = "measure"\n',
    "sleeps": '[[plan]]\nstage = "sleeps"\n[analysis]\nhang_timeout_s = 1.0\n',
    "raises": '[[plan]]\nstage = "raises"\n',
    "exits": '[[plan]]\nstage = "exits"\n',
}


def rounds_without(folder: Path) -> NDArray[np.float64]:
    out = folder / "stamps.json"
    subprocess.run(
        [sys.executable, "-c", WITHOUT, str(FRAMES), str(out)], check=True, timeout=ROUND_TIMEOUT_S, capture_output=True
    )
    return intervals_ms(json.loads(out.read_text()))


def rounds_with(folder: Path, plan: str) -> tuple[NDArray[np.float64], dict[str, Any]]:
    import mm_test_adapters

    config = folder / "rig.toml"
    (folder / "burst.yaml").write_text(SEQUENCE)
    config.write_text(
        f'{plan}\n[record]\nfolder = "{folder}/sessions"\n'
        f'[rig]\nkind = "micro-manager"\nconfig_file = "MMConfig_demo.cfg"\n'
        f'adapter_path = "{mm_test_adapters.device_adapter_path()}"\n'
        f'[acquisition]\nmode = "sequence"\nsequence_file = "{folder}/burst.yaml"\n'
    )
    done = subprocess.run(
        [str(Path(sys.executable).parent / "stentor"), "run", str(config), "--summary", "json"],
        env={**os.environ, "PYTHONPATH": str(FAULTY_STAGES), "STENTOR_RUNTIME_DIR": str(folder / "run")},
        capture_output=True, text=True, timeout=ROUND_TIMEOUT_S, check=False,
    )  # fmt: skip
    summary = json.loads(done.stdout.splitlines()[-1])
    (ledger,) = (folder / "sessions").rglob("ledger.sqlite")
    # Frames that no daemon ever saw have no stamp; an interval is taken between neighbours in sequence only.
    rows = sqlite3.connect(ledger).execute("SELECT sequence, received_ns FROM frames ORDER BY sequence").fetchall()
    stamps = np.array([(n, ns) for n, ns in rows if ns is not None], np.int64)
    is_next = np.diff(stamps[:, 0]) == 1
    return np.diff(stamps[:, 1])[is_next] / 1e6, summary


def intervals_ms(stamps_ns: list[int]) -> NDArray[np.float64]:
    return np.diff(np.array(stamps_ns, np.int64)) / 1e6


def told(name: str, values: NDArray[np.float64]) -> str:
    return f"{name:16} n {len(values):5}  median {np.median(values):6.2f} ms  p99 {np.percentile(values, 99):6.2f} ms"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    without: list[NDArray[np.float64]] = []
    plans = {name: PLANS[name] for name in sys.argv[2:] or PLANS}
    pooled: dict[str, list[NDArray[np.float64]]] = {name: [] for name in plans}
    for _ in range(count):
        for name, plan in plans.items():
            with tempfile.TemporaryDirectory() as made:
                without.append(rounds_without(Path(made)))
            with tempfile.TemporaryDirectory() as made:
                values, summary = rounds_with(Path(made), plan)
            (run,) = summary["runs"]
            print(
                f"{name:8} seen {run['seen']}/{run['expected']} camera gaps {run['missing_camera_frames']} "
                f"{run['ended']}, {summary['outcomes']}", flush=True,
            )  # fmt: skip
            pooled[name].append(values)
    print(f"\n{os.cpu_count()} cores; rounds without:")
    for values in without:
        print(told("", values))
    spread = [float(np.percentile(values, 99)) for values in without]
    base = np.concatenate(without)
    print(f"spread of p99 without: {min(spread):.2f} to {max(spread):.2f} ms\n{told('without', base)}")
    for name, parts in pooled.items():
        values = np.concatenate(parts)
        ratio = np.percentile(values, 99) / np.percentile(base, 99)
        print(f"{told(f'with {name}', values)}  p99 ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
