"""Event rate: divisions caught, and the light it takes, against constant fast imaging; rehearsed, seed by seed.

Run: python tests/benchmarks/bench_event_rate.py [SEEDS, default 89-116] [HOURS each, default 12] [NUCLEI_PER_MM2]

The `event-rate` controller on the living specimen at 512 x 512, the shipped nuclei model and the built-in stages: no
truth decides anything. A division is caught when at least 80 % of the 30 s intervals of the ten minutes after it have
an image that shows a daughter. Mothers nearer to the border than a nucleus may have left the image when they divide and
are not counted; the last line counts them, too.

The condition was made on seeds 36-49, the rule for the border after 21-30, and that a run begins at the fast rate and
that the tracker remembers for ten images after 61-88; nobody had looked at 89-116 then.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import structs

from stentor.rehearsal.rehearsal import Rehearsal, at_interval
from stentor.rehearsal.score import BORDER, Score, score_of
from stentor.service.configuration import load_settings
from stentor.service.settings import Settings

SEEDS: Final = tuple(range(89, 117))
HOURS: Final = 12.0
NUCLEI_PER_MM2: Final = 300.0
WANTED_S: Final = 30.0
WINDOW_S: Final = 600.0

CONFIG: Final = """
[rig.simulated]
nuclei_per_mm2 = {nuclei_per_mm2}

[acquisition]
mode = "adaptive"
rate_hz = 0.00333333
exposure_ms = 50.0

[[plan]]
stage = "normalise"
[[plan]]
stage = "segment"
model = "nuclei"
[[plan]]
stage = "measure"

[[plan]]
stage = "track"
memory_frames = 10

[[controller]]
kind = "event-rate"
# A metaphase plate is long, and smaller and brighter than it used to be, or, if it is new, than the nuclei at rest.
which = '''major_axis_um > 1.9 * minor_axis_um and \
  (area_change < 0.6 and intensity_change > 1.4 * median(objects, intensity_change) or \
  area_um2 > 0.25 * median(objects, area_um2) and area_um2 < 0.6 * median(objects, area_um2) and \
  mean_intensity > 1.6 * median(objects, mean_intensity))'''
longest_s = 2100.0  # a metaphase of 24 min, and some more; a nucleus that dies is as bright for 90 min
slow_s = 300.0
fast_s = 30.0
hold_s = 900.0
"""


def rehearsed(settings: Settings, hours: float) -> tuple[tuple[Score, Score], tuple[Score, Score]]:
    """Return the scores with the controller and at the constant fast interval; the same with the border counted."""
    performance = Rehearsal(settings, duration_s=hours * 3600).run()
    constant = Rehearsal(at_interval(settings, WANTED_S), duration_s=hours * 3600, is_watched=False).run()
    inner, whole = (
        [score_of(one, wanted_s=WANTED_S, window_s=WINDOW_S, border=border) for one in (performance, constant)]
        for border in (BORDER, 0.0)
    )
    return (inner[0], inner[1]), (whole[0], whole[1])


def told(name: str, scores: list[tuple[Score, Score]]) -> str:
    """Return one line about one or several seeds."""
    watched, fixed = zip(*scores, strict=True)
    divisions, caught = sum(one.divisions for one in watched), sum(one.caught for one in watched)
    light = sum(one.lit_s for one in watched) / sum(one.lit_s for one in fixed)
    dose = sum(one.light_s for one in watched) / sum(one.light_s for one in fixed)
    onsets_s = [one.onset_s for one in watched if one.onset_s is not None]
    return (
        f"{name:10} caught {caught:3} of {divisions:3} ({100 * caught / max(divisions, 1):5.1f} %), constant "
        f"{sum(one.caught for one in fixed)} of {sum(one.divisions for one in fixed)}; light {100 * light:5.1f} %, per "
        f"nucleus {100 * dose:5.1f} %; around a division, median {np.median(onsets_s) if onsets_s else np.nan:4.0f} s"
    )


def main() -> None:
    first, _, last = (sys.argv[1] if len(sys.argv) > 1 else f"{SEEDS[0]}-{SEEDS[-1]}").partition("-")
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else HOURS
    density = float(sys.argv[3]) if len(sys.argv) > 3 else NUCLEI_PER_MM2
    print(f"{os.cpu_count()} cores, {platform.machine()}; {hours:g} h each, {density:g} nuclei/mm2, model nuclei")
    scores, with_border = [], []
    for seed in range(int(first), int(last or first) + 1):
        with tempfile.TemporaryDirectory() as made:
            config = Path(made) / "experiment.toml"
            config.write_text(CONFIG.format(nuclei_per_mm2=density))
            settings = load_settings(config)
        simulated = structs.replace(settings.rig.simulated, seed=seed)
        settings = structs.replace(settings, rig=structs.replace(settings.rig, simulated=simulated))
        inner, whole = rehearsed(settings, hours)
        scores.append(inner)
        with_border.append(whole)
        print(told(f"seed {seed}", scores[-1:]), flush=True)
    print(told("all", scores))
    print(told("and border", with_border))


if __name__ == "__main__":
    main()
