"""Segmentation of the simulated microscope against its truth, at three difficulties, beside Otsu + watershed.

Run: python tests/benchmarks/bench_segmentation_on_specimen.py [FRAMES, default 100] [PICTURES]

F1 = 2 TP / (2 TP + FP + FN) at IoU above 0.5, pooled over all frames; no frame of the simulator was ever trained on.
With PICTURES, writes one frame of each difficulty with the outlines of truth (green), model (red) and baseline (blue).
"""

import sys
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from stentor.inference.model import load_model
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import Difficulty, SimulatedSettings, preset
from stentor.scope.simulated.truth_measures import touching_fraction
from stentor.train.accuracy import matches

FRAMES: Final = 100
EXPOSURE_MS: Final = 100.0
MAGNIFIED: Final = 2
LEAST_AREA_PX: Final = 30

Labels = NDArray[Any]


def frames(settings: SimulatedSettings, count: int) -> list[tuple[NDArray[np.uint16], Labels]]:
    """Take pictures at nine fields of view, ten minutes of the specimen's time between rounds."""
    clock = HandClock()
    microscope = Microscope(settings, clock)
    clock.advance(6 * 3600)
    width_um, height_um = (side * settings.pixel_size_um for side in (settings.width, settings.height))
    taken = []
    for number in range(count):
        clock.advance(600 if number % 9 == 0 else 10)
        microscope.move_xy((number % 3 - 1) * width_um, (number // 3 % 3 - 1) * height_um)
        clock.advance(10)
        shot = microscope.expose(number, clock.monotonic_ns(), EXPOSURE_MS, auto_shutter=True)
        taken.append((shot.pixels, shot.truth.labels()))
    return taken


def otsu_watershed(pixels: NDArray[np.uint16], radius_px: float) -> Labels:
    """Segment classically: blur, Otsu, fill, split by peaks of the distance at least half a radius apart.

    It is told the true radius, which the model is not.
    """
    smooth = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 1.5)
    mask = ndimage.binary_fill_holes(smooth > threshold_otsu(smooth))
    distance = cv2.GaussianBlur(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5), (0, 0), 2)
    seeds = np.zeros(mask.shape, np.int32)
    peaks = peak_local_max(distance, min_distance=max(2, int(0.6 * radius_px)), labels=mask.astype(np.int32))
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, seeds, mask=mask)
    small = np.flatnonzero(np.bincount(labels.ravel()) < LEAST_AREA_PX)
    labels[np.isin(labels, small)] = 0
    return labels


def noise_ratio(pixels: NDArray[np.uint16], labels: Labels) -> float:
    """Tell how many standard deviations of the background the median nucleus lies above it."""
    background = pixels[cv2.dilate((labels > 0).astype(np.uint8), np.ones((15, 15), np.uint8)) == 0]
    return float((np.median(pixels[labels > 0]) - np.median(background)) / background.std())


def outlines(pixels: NDArray[np.uint16], *labelled: Labels) -> NDArray[np.uint8]:
    low, high = np.percentile(pixels, [1, 99.7])
    grey = np.clip((pixels - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    picture = cv2.cvtColor(cv2.resize(grey, None, fx=MAGNIFIED, fy=MAGNIFIED), cv2.COLOR_GRAY2BGR)
    for labels, colour in zip(labelled, ((0, 255, 0), (0, 0, 255), (255, 80, 0)), strict=False):
        large = cv2.resize(labels.astype(np.float32), None, fx=MAGNIFIED, fy=MAGNIFIED, interpolation=cv2.INTER_NEAREST)
        edge = cv2.morphologyEx(large, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
        picture[edge] = colour
    return picture


def f1(counts: NDArray[np.int64]) -> float:
    true, false, missed = counts
    return float(2 * true / (2 * true + false + missed))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES
    model = load_model("nuclei")
    print(f"{model.identity.name} on {model.identity.provider}, {count} frames of each difficulty, F1 at IoU 0.5")
    names: tuple[Difficulty, ...] = ("easy", "middle", "hard")
    for name in names:
        settings = preset(name)
        taken = frames(settings, count)
        ours, theirs = np.zeros(3, np.int64), np.zeros(3, np.int64)
        for pixels, truth in taken:
            ours += matches(model(pixels, pixel_size_um=settings.pixel_size_um).labels, truth)
            theirs += matches(otsu_watershed(pixels, settings.radius_um / settings.pixel_size_um), truth)
        nuclei = np.mean([len(np.unique(truth)) - 1 for _, truth in taken])
        touching = np.mean([touching_fraction(truth) for _, truth in taken])
        snr = np.median([noise_ratio(*pair) for pair in taken])
        print(
            f"{name:7} {nuclei:5.1f} nuclei a frame, {touching:.2f} touching, median SNR {snr:5.1f}, defocus "
            f"{settings.defocus_um} (sd {settings.depth_sd_um}) um: model {f1(ours):.3f}, "
            f"Otsu + watershed {f1(theirs):.3f}"
        )
        if len(sys.argv) > 2:
            pixels, truth = taken[0]
            found = model(pixels, pixel_size_um=settings.pixel_size_um).labels
            shown = outlines(pixels, truth, found, otsu_watershed(pixels, settings.radius_um / settings.pixel_size_um))
            cv2.imwrite(str(Path(sys.argv[2]) / f"specimen_{name}.png"), shown)


if __name__ == "__main__":
    main()
