"""Post-processors: milliseconds for maps of known objects, medians and 99th percentiles on one OpenCV thread.

The maps are those that a fair network gives: drawn from ellipses that crowd and touch, blurred, with smooth errors.

Run: python tests/benchmarks/bench_postprocess.py [NAME ...]
"""

import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess import POST_PROCESSORS, post_processor
from stentor.train.family_targets import edge_distance, heat_flows, object_probability, ray_distances
from stentor.train.speed import processor
from stentor.train.targets import OFFSET_UNIT_PX, draw_targets, table_of

SCENES = ((512, 100, 26.0), (2048, 500, 45.0))
"""Side, objects, mean diameter: a fifth of the pixels are object in both."""

RUNS = 30


def draw_labels(side: int, objects: int, diameter_px: float, seed: int = 1) -> NDArray[np.int32]:
    """Draw ellipses, shape (side, side); every second one leans on the one before it."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    number, y, x = 0, 0.0, 0.0
    while number < objects:
        radius = diameter_px / 2 * rng.uniform(0.8, 1.2)
        if number % 2:
            turn = rng.uniform(0, 2 * np.pi)
            y, x = y + diameter_px * 0.95 * np.sin(turn), x + diameter_px * 0.95 * np.cos(turn)
        else:
            y, x = rng.uniform(radius, side - radius, 2)
        canvas = np.zeros_like(labels[: int(4 * radius), : int(4 * radius)], np.uint8)
        half = canvas.shape[0] // 2
        top, left = int(y) - half, int(x) - half
        if min(top, left) < 0 or max(top, left) + 2 * half >= side:
            continue
        axes = (round(radius * 1.15), round(radius / 1.15))
        cv2.ellipse(canvas, (half, half), axes, rng.uniform(0, 180), 0, 360, 1, -1)
        window = labels[top : top + canvas.shape[0], left : left + canvas.shape[1]]
        if ((canvas > 0) & (window > 0)).sum() > 0.1 * canvas.sum():
            number -= number % 2  # no room to lean there: draw the pair's first one again, elsewhere
            labels[labels > number] = 0
            continue
        number += 1
        window[(canvas > 0) & (window == 0)] = number
    return labels


def draw_maps(name: str, labels_yx: NDArray[np.int32], seed: int = 1) -> NDArray[np.float32]:
    """Draw the maps that a post-processor of this name reads, (C, Y, X), with the errors of a network."""
    foreground = (labels_yx > 0).astype(np.float32)[None]
    if name == "centre-offset-voting":
        maps = draw_targets(labels_yx.astype(np.float32), table_of(labels_yx))[:4]
        maps[2:] *= OFFSET_UNIT_PX
    elif name == "distance-watershed":
        maps = np.concatenate([foreground, edge_distance(labels_yx)[None]])
    elif name == "stardist-polygons":
        maps = np.concatenate([object_probability(labels_yx)[None], ray_distances(labels_yx)])
    elif name == "cellpose-flows":
        maps = np.concatenate([5.0 * heat_flows(labels_yx), foreground])
    else:
        maps = foreground
    return spoilt(np.ascontiguousarray(maps, np.float32), seed)


def spoilt(maps_cyx: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Blur every map by a pixel and vary it smoothly by up to about a tenth."""
    rng = np.random.default_rng(seed)
    for plane in maps_cyx:
        coarse = rng.standard_normal([max(2, side // 8) for side in plane.shape], dtype=np.float32)
        error = cv2.resize(coarse, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        plane[:] = cv2.GaussianBlur(plane, (0, 0), 1.0) * (1.0 + 0.07 * error)
    return maps_cyx


def main(names: list[str]) -> None:
    cv2.setNumThreads(1)
    print(f"{processor()}, one thread, n = {RUNS}")
    for side, objects, diameter_px in SCENES:
        labels = draw_labels(side, objects, diameter_px)
        for name in names:
            maps = draw_maps(name, labels)
            process = post_processor(name, {})
            found = int(process(maps).max())
            spent_ms = []
            for _ in range(RUNS):
                begun = time.perf_counter()
                process(maps)
                spent_ms.append(1e3 * (time.perf_counter() - begun))
            print(
                f"{side:5} x {side:<5} {objects:4} objects, {found:4} found by {name:21} "
                f"median {np.median(spent_ms):6.1f} ms, p99 {np.percentile(spent_ms, 99):6.1f} ms, "
                f"least {min(spent_ms):6.1f} ms"
            )


if __name__ == "__main__":
    main(sys.argv[1:] or list(POST_PROCESSORS))
