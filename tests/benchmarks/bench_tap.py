"""What a tap costs the host's thread, beside one copy of the same images into memory of the same size.

    python tests/benchmarks/bench_tap.py [--frames 300] [--side 2048] [--rate 50]

Copies and calls alternate, so that both meet the same machine. Run it beside `stentor run` with [rig] kind = "tap" to
have the frames taken as well; without a daemon the ring is filled all the same.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mm_test_adapters
import numpy as np
from ndstorage.ndram_dataset import NDRAMDataset
from pycromanager import start_headless

import stentor

SLOTS = 16


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=50.0)
    asked = parser.parse_args()
    core = start_core(asked.side)
    tap = stentor.PycromanagerTap(ring_slots=SLOTS)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 4096, (asked.side, asked.side), np.uint16) for _ in range(8)]
    memory = np.zeros((SLOTS, *images[0].shape), np.uint16)
    tags = dict.fromkeys(core.getDevicePropertyNames("Camera"), "1")
    dataset = NDRAMDataset()
    dataset.initialize({})
    for number, image in enumerate(images):
        dataset.put_image({"time": number}, image, {**tags, "Axes": {"time": number}, "Camera": "Camera"})
    copies_ms: list[float] = []
    calls_ms: list[float] = []
    saved_ms: list[float] = []
    is_ready = tap.wait_until_ready(10)
    for number in range(asked.frames + SLOTS):
        image, metadata = images[number % len(images)], {**tags, "Axes": {"time": number}, "Camera": "Camera"}
        steps: list[tuple[list[float], Callable[[], object]]] = [
            (copies_ms, lambda image=image, slot=number % SLOTS: np.copyto(memory[slot], image)),
            (calls_ms, lambda image=image, metadata=metadata: tap.process(image, metadata)),
            (saved_ms, lambda number=number: tap.saved({"time": number % len(images)}, dataset)),
        ]
        for figures, step in steps if number % 2 else reversed(steps):
            time.sleep(1 / 3 / asked.rate)
            started = time.perf_counter()
            step()
            figures.append((time.perf_counter() - started) * 1000)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {asked.side} x {asked.side} uint16, "
          f"n {asked.frames}, {asked.rate:g} frames/s, daemon {'ready' if is_ready else 'absent'}")  # fmt: skip
    for name, figures in (("one copy", copies_ms), ("tap.process", calls_ms), ("tap.saved", saved_ms)):
        print(
            f"{name:12} median {np.median(figures[SLOTS:]):7.3f} ms   p99 {np.percentile(figures[SLOTS:], 99):7.3f} ms"
        )
    ratio = np.median(calls_ms[SLOTS:]) / np.median(copies_ms[SLOTS:])
    print(f"ratio of the medians {ratio:.3f}, of the p99 "
          f"{np.percentile(calls_ms[SLOTS:], 99) / np.percentile(copies_ms[SLOTS:], 99):.3f}")  # fmt: skip
    tap.close()
    os._exit(0)


def start_core(side: int) -> Any:
    folder = Path(mm_test_adapters.device_adapter_path())
    start_headless(str(folder), str(folder / "MMConfig_demo.cfg"), python_backend=True, buffer_size_mb=256)
    from mmpycorex import Core

    core = Core()
    core.setProperty("Camera", "OnCameraCCDXSize", str(side))
    core.setProperty("Camera", "OnCameraCCDYSize", str(side))
    core.setProperty("Camera", "PixelType", "16bit")
    return core


if __name__ == "__main__":
    main()
