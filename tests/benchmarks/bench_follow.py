"""Follow: how long a moving cell stays within 10 % of the field from the middle, however the camera is mounted.

Run: python tests/benchmarks/bench_follow.py [SEEDS, default 1-2] [FRAMES, default 500] [UM_PER_MIN, default 2.0]

The `follow` controller on the living specimen at 512 x 512, a frame a minute, the shipped nuclei model and the built-in
tracker: the truth only judges. Prints for every camera the frames in which the cell that was in the middle at first, or
one daughter of it, was on target, with following and without, and how far off it was.
"""

import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec import structs

from stentor.rehearsal.performance import Performance
from stentor.rehearsal.rehearsal import Rehearsal
from stentor.rehearsal.target import target_track
from stentor.scope.rig import Rig
from stentor.service.configuration import load_settings
from stentor.service.settings import Settings

FRAMES: Final = 500
SPEED_UM_PER_MIN: Final = 2.0
"""Root mean square of a walk that keeps its direction for 20 min. U2OS cells go 0.3 to 1; these leave the image."""

NUCLEI_PER_MM2: Final = 200.0
"""Cells that walk so far need room: at 850 they run into each other every few minutes."""

CONFIG: Final = """
[rig.simulated]
nuclei_per_mm2 = {nuclei_per_mm2}
speed_um_per_min = {speed}

[acquisition]
mode = "adaptive"
rate_hz = 0.0166667
frames = {frames}
exposure_ms = 50.0

[[plan]]
stage = "normalise"
[[plan]]
stage = "segment"
model = "nuclei"
object_diameter_px = {diameter_px}
[[plan]]
stage = "measure"
[[plan]]
stage = "track"

[guard]
xy_step_um = 60.0

[[controller]]
kind = "follow"
"""


class Mounting(NamedTuple):
    """How the camera is mounted, and how many pixels a side it makes one."""

    rotation_deg: float
    is_mirrored: bool
    binning: int


MOUNTINGS: Final = tuple(
    Mounting(rotation_deg, is_mirrored, binning)
    for binning in (1, 2)
    for rotation_deg in (0.0, 90.0)
    for is_mirrored in (False, True)
)


class Binned(Rehearsal):
    """A rehearsal whose camera is binned before the first image."""

    binning = 1

    def _open_hands(self, rig: Rig) -> object:  # type: ignore[override]
        if self.binning != 1:
            rig.core.setProperty("Camera", "Binning", self.binning)
        return super()._open_hands(rig)


def performed(settings: Settings, binning: int, *, is_watched: bool) -> Performance:
    rehearsal = Binned(settings, duration_s=1e9, is_watched=is_watched)
    rehearsal.binning = binning
    return rehearsal.run()


def settings_of(seed: int, mounting: Mounting, frames: int, speed: float) -> Settings:
    with tempfile.TemporaryDirectory() as made:
        config = Path(made) / "experiment.toml"
        text = CONFIG.format(
            nuclei_per_mm2=NUCLEI_PER_MM2, speed=speed, frames=frames, diameter_px=29.0 / mounting.binning
        )
        config.write_text(text)
        settings = load_settings(config)
    simulated = structs.replace(
        settings.rig.simulated,
        seed=seed, camera_rotation_deg=mounting.rotation_deg, camera_mirrored=mounting.is_mirrored,
    )  # fmt: skip
    return structs.replace(settings, rig=structs.replace(settings.rig, simulated=simulated))


def told(performance: Performance) -> str:
    offsets, near = target_track(performance)
    away = 100 * np.abs(offsets).max(axis=1)
    seen = away[~np.isnan(away)]
    return (
        f"on target {int(near.sum()):3} of {len(near):3}, off the middle median {np.median(seen):4.1f} p99 "
        f"{np.percentile(seen, 99):5.1f} max {seen.max():5.1f} % of the field, out of the image {len(away) - len(seen)}"
    )


def main() -> None:
    first, _, last = (sys.argv[1] if len(sys.argv) > 1 else "1-2").partition("-")
    frames = int(sys.argv[2]) if len(sys.argv) > 2 else FRAMES
    speed = float(sys.argv[3]) if len(sys.argv) > 3 else SPEED_UM_PER_MIN
    print(
        f"{os.cpu_count()} cores, {platform.machine()}; {frames} frames a minute apart, {speed:g} um/min, model nuclei"
    )
    for seed in range(int(first), int(last or first) + 1):
        alone = performed(settings_of(seed, MOUNTINGS[0], frames, speed), 1, is_watched=False)
        print(f"seed {seed}, not followed:             {told(alone)}", flush=True)
        for mounting in MOUNTINGS:
            began_s = time.monotonic()
            performance = performed(settings_of(seed, mounting, frames, speed), mounting.binning, is_watched=True)
            words = f"{mounting.rotation_deg:2.0f} deg, {'mirrored' if mounting.is_mirrored else 'upright '}"
            took = f"{len(performance.decisions)} moves ({time.monotonic() - began_s:.0f} s)"
            print(f"seed {seed}, {words}, binned {mounting.binning}: {told(performance)}, {took}", flush=True)


if __name__ == "__main__":
    main()
