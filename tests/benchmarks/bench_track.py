"""How long the tracker takes for a frame: median and p99 over walking objects, some of which vanish and divide.

python tests/benchmarks/bench_track.py
"""

import time

import numpy as np

from stentor.core.finding import Objects
from stentor.tracking.tracker import Tracker
from stentor.train.speed import processor

FRAMES = 200
DIAMETER_PX = 26.0


def main() -> None:
    print(f"{processor()}, 1 thread, {FRAMES} frames, median step half a diameter, 5 % missed")
    for count in (100, 500, 2000):
        spent_ms = timed(count)
        print(f"{count:5d} objects: median {np.median(spent_ms):6.2f} ms, p99 {np.percentile(spent_ms, 99):6.2f} ms")


def timed(count: int) -> list[float]:
    """Return the milliseconds of each frame but the first."""
    rng = np.random.default_rng(1)
    side = 93.0 * count**0.5  # 500 at 2048 x 2048
    place, tracker, spent_ms = rng.uniform(0, side, (count, 2)), Tracker(), []
    for _ in range(FRAMES):
        place = np.clip(place + rng.normal(0, 0.5 * DIAMETER_PX / 1.177, place.shape), 0, side)
        seen = place[rng.random(count) > 0.05].astype(np.float32)
        area = rng.lognormal(np.log(530), 0.1, len(seen)).astype(np.float32)
        light = rng.lognormal(np.log(300), 0.1, len(seen)).astype(np.float32)
        table = Objects({"y_px": seen[:, 0], "x_px": seen[:, 1], "area_px": area, "mean_intensity": light})
        begun = time.perf_counter()
        tracker.update(table)
        spent_ms.append(1e3 * (time.perf_counter() - begun))
    return spent_ms[1:]


if __name__ == "__main__":
    main()
