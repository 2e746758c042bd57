"""How fast the simulated microscope draws: `python bench_simulated.py [FRAMES]`; a report, not a gate."""

import os
import platform
import sys
import time
from collections.abc import Callable

import cv2
import msgspec
import numpy as np
import pymmcore

from stentor.scope.simulated.core import open_simulated_core
from stentor.scope.simulated.light import Channel
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.specimen import STEP_S


def report(name: str, run: Callable[[int], object], count: int) -> None:
    """Time `run(n)` and print one line."""
    times_ms = []
    for n in range(count + 3):
        start = time.perf_counter()
        run(n)
        times_ms.append((time.perf_counter() - start) * 1e3)
    kept = np.array(times_ms[3:])
    median, p99 = np.median(kept), np.quantile(kept, 0.99)
    print(f"{name:46} n={count:4}  median {median:7.2f} ms  p99 {p99:7.2f} ms  {1e3 / median:7.1f} /s")


def drawing(settings: SimulatedSettings, count: int) -> None:
    """Time exposures, truth and steps of one microscope, without waiting for any exposure."""
    clock = HandClock()
    microscope = Microscope(msgspec.structs.replace(settings, time_scale=0.0), clock)
    place = f"{settings.width}²"

    def expose(frame: int) -> None:
        clock.advance(0.1)
        microscope.expose(frame, clock.monotonic_ns(), 10.0, auto_shutter=True)

    clock.advance(1)
    truth = microscope.expose(0, clock.monotonic_ns(), 10.0, auto_shutter=True).truth
    print(f"{place}: {len(truth.ids)} nuclei in view, {len(microscope.specimen.population)} in the world")
    report(f"{place} fluorescence", expose, count)
    report(f"{place} truth labels", lambda n: truth.labels(), count)
    microscope.set_light(channel=Channel.PHASE)
    clock.advance(1)
    report(f"{place} phase contrast", expose, count)
    specimen = microscope.specimen
    report(f"{place} step of {STEP_S:g} s", lambda n: specimen.advance_to(specimen.time_s + STEP_S), count)


def sequence(count: int) -> None:
    """Run a sequence through the core at the shortest interval and print its pace."""
    core = open_simulated_core(SimulatedSettings(readout_ms=0.0))
    core.setExposure(1.0)
    core.startSequenceAcquisition(count, 0, True)
    stamps: list[int] = []
    while core.isSequenceRunning() or core.getRemainingImageCount():
        if core.getRemainingImageCount():
            core.popNextImageMD(pymmcore.Metadata())
            stamps.append(time.perf_counter_ns())
        else:
            time.sleep(0.0005)
    gaps_ms = np.diff(stamps) / 1e6
    rate = (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9
    name = "512² through the core, 1 ms exposures"
    median, p99 = np.median(gaps_ms), np.quantile(gaps_ms, 0.99)
    print(f"{name:46} n={count:4}  median {median:7.2f} ms  p99 {p99:7.2f} ms  {rate:7.1f} /s")
    core.close()


def main() -> None:
    """Print the report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    cv2.setNumThreads(1)
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()} {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, one thread"
    )
    drawing(SimulatedSettings(), count)
    drawing(SimulatedSettings(width=2048, height=2048, world_fields=1.5, nuclei_per_mm2=280.0), max(10, count // 5))
    sequence(count)


if __name__ == "__main__":
    main()
