"""Compare the simulated microscope with real images: `python compare_simulated.py REAL_FOLDER [PICTURES]`.

Prints the same statistics for labelled real images (`NAME.image.png` beside `NAME.labels.png`) and for simulated
ones, side by side; with PICTURES also writes a strip of both for the eye. It is a report, not a gate.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import SimulatedSettings, preset
from stentor.scope.simulated.truth_measures import touching_fraction

Image = NDArray[np.uint16]
Labels = NDArray[np.int32]


def statistics(image: Image, labels: Labels) -> dict[str, float]:
    """Measure a labelled image, counts; nuclei under 80 pixels are left out."""
    foreground = (labels > 0).astype(np.uint8)
    inner = cv2.erode(foreground, np.ones((7, 7), np.uint8)) > 0
    outer = cv2.dilate(foreground, np.ones((15, 15), np.uint8)) == 0
    high = image - cv2.GaussianBlur(image.astype(np.float32), (0, 0), 2)
    rows = [_nucleus(image, labels == number) for number in np.unique(labels)[1:]]
    table = np.array([row for row in rows if row is not None])
    means = table[:, 0]
    return {
        "nuclei": float(len(rows)),
        "touching": touching_fraction(labels),
        "background": float(np.median(image[outer])),
        "background sd": float(image[outer].std()),
        "background high-pass sd": float(high[outer].std()),
        "nucleus mean": float(np.median(means)),
        "lognormal sd": float(np.std(np.log(means - 0.9 * np.median(image[outer])))),
        "cv whole": float(np.median(table[:, 1])),
        "cv inside": float(np.median(table[:, 2])),
        "foreground high-pass sd": float(high[foreground > 0].std()),
        "inner high-pass sd": float(high[inner].std()),
        "rim / centre": float(np.median(table[:, 3])),
        "outside rim / centre": float(np.median(table[:, 4])),
        "area px": float(np.median(table[:, 5])),
        "area cv": float(table[:, 5].std() / table[:, 5].mean()),
        "aspect": float(np.median(table[:, 6])),
        "solidity": float(np.median(table[:, 7])),
        "solidity p10": float(np.quantile(table[:, 7], 0.1)),
    }


def _nucleus(image: Image, mask: NDArray[np.bool_]) -> tuple[float, ...] | None:
    byte = mask.astype(np.uint8)
    if mask.sum() < 80:
        return None
    core = cv2.erode(byte, np.ones((5, 5), np.uint8)) > 0
    rim = mask & ~(cv2.erode(byte, np.ones((3, 3), np.uint8)) > 0)
    outside = (cv2.dilate(byte, np.ones((5, 5), np.uint8)) > 0) & ~(cv2.dilate(byte, np.ones((3, 3), np.uint8)) > 0)
    base = float(np.percentile(image, 5))
    inside = image[core].astype(float)
    contour = max(cv2.findContours(byte, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    hull = max(cv2.contourArea(cv2.convexHull(contour)), 1.0)
    _, (short, long), _ = cv2.fitEllipse(contour)
    whole = image[mask].astype(float)
    centre = inside.mean() - base
    return (
        whole.mean(),
        whole.std() / whole.mean(),
        inside.std() / inside.mean(),
        (image[rim].mean() - base) / centre,
        (image[outside].mean() - base) / centre,
        float(mask.sum()),
        long / max(short, 1e-3),
        cv2.contourArea(contour) / hull,
    )


def simulated(settings: SimulatedSettings, count: int) -> list[tuple[Image, Labels]]:
    """Take pictures at `count` places of a specimen that has lived for six hours."""
    clock = HandClock()
    microscope = Microscope(settings, clock)
    clock.advance(6 * 3600)
    width_um, height_um = settings.width * settings.pixel_size_um, settings.height * settings.pixel_size_um
    pictures = []
    for frame in range(count):
        microscope.move_xy((frame % 3 - 1) * width_um, (frame // 3 % 3 - 1) * height_um)
        clock.advance(10)
        taken = microscope.expose(frame, clock.monotonic_ns(), 100.0, auto_shutter=True)
        pictures.append((taken.pixels, taken.truth.labels()))
    return pictures


def real(folder: Path) -> list[tuple[Image, Labels]]:
    """Read every image of a folder with its labels."""
    pictures = []
    for path in sorted(folder.glob("*.image.png")):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        labels = cv2.imread(str(path).replace(".image.", ".labels."), cv2.IMREAD_UNCHANGED)
        if image is not None and labels is not None:
            pictures.append((image.astype(np.uint16), labels.astype(np.int32)))
    return pictures


def grey(image: Image) -> NDArray[np.uint8]:
    """Show dark things too: gamma 0.6 between the background and the brightest but 0.3 %."""
    low, high = np.percentile(image, [2, 99.7])
    shown: NDArray[np.uint8] = (255 * np.clip((image - 0.95 * low) / (high - 0.95 * low), 0, 1) ** 0.6).astype(np.uint8)
    return shown


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1])
    sources = {"real": real(folder)}
    for name in ("easy", "middle", "hard"):
        sources[name] = simulated(preset(name), 9)
    sources["cut"] = simulated(SimulatedSettings(specimen=str(folder)), 9)
    tables = {name: [statistics(*picture) for picture in pictures] for name, pictures in sources.items()}
    print(f"{'median (quartiles)':26}" + "".join(f"{name:>24}" for name in tables))
    for key in next(iter(tables.values()))[0]:
        quartiles = [np.quantile([row[key] for row in table], [0.25, 0.5, 0.75]) for table in tables.values()]
        print(f"{key:26}" + "".join(f"{q[1]:10.3f} ({q[0]:.2f}-{q[2]:.2f})".rjust(24) for q in quartiles))
    if len(sys.argv) > 2:
        for name, pictures in sources.items():
            strip = np.hstack([grey(image[:500, :500]) for image, _ in pictures[1:4:2]])
            cv2.imwrite(str(Path(sys.argv[2]) / f"{name}.png"), strip)
            zoom = grey(pictures[1][0][100:300, 100:350])
            cv2.imwrite(
                str(Path(sys.argv[2]) / f"{name}_zoom.png"), cv2.resize(zoom, None, fx=4, fy=4, interpolation=0)
            )


if __name__ == "__main__":
    main()
