"""Picture: a rehearsal on one page: what happened, what was decided, how often was imaged, how much light it took."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import RecordError
from stentor.rehearsal.performance import Performance, Shot
from stentor.rehearsal.score import Score, is_caught, seen_divisions
from stentor.rehearsal.target import target_track

WIDTH: Final = 1500
LEFT: Final = 170
RIGHT: Final = 30
INK: Final = (40, 40, 40)
FAINT: Final = (215, 215, 215)
BLUE: Final = (180, 100, 20)
GREY: Final = (165, 165, 165)
GREEN: Final = (70, 150, 40)
RED: Final = (50, 50, 210)
Curve = tuple[NDArray[np.float64], tuple[int, int, int]]
FINE: Final = 4
"""Fractional bits of OpenCV's coordinates."""


class Sheet:
    """A white page with time to the right; rows are added from the top."""

    def __init__(self, duration_s: float, height: int) -> None:
        self.pixels: NDArray[np.uint8] = np.full((height, WIDTH, 3), 255, np.uint8)
        self._duration_s = max(duration_s, 1e-9)

    def x(self, time_s: float) -> float:
        """Return the column of a time."""
        return LEFT + (WIDTH - LEFT - RIGHT) * time_s / self._duration_s

    def text(self, words: str, x: float, y: float, *, size: float = 0.5, colour: tuple[int, int, int] = INK) -> None:
        """Write a line from its lower left corner on."""
        place = (round(x), round(y))
        cv2.putText(self.pixels, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)

    def tick(self, time_s: float, top: float, bottom: float, colour: tuple[int, int, int]) -> None:
        """Draw an upright line at a time."""
        x = round(self.x(time_s))
        self.curve(np.array([[x, top], [x, bottom]], float), colour, 2)

    def curve(self, points: NDArray[np.float64], colour: tuple[int, int, int], thickness: int = 1) -> None:
        """Draw a line through points, shape (n, 2): column and row."""
        fixed = np.rint(points * 2**FINE).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(self.pixels, [fixed], False, colour, thickness, cv2.LINE_AA, FINE)

    def graph(
        self,
        title: str,
        unit: str,
        top: int,
        height: int,
        series: Sequence[Curve],
    ) -> None:
        """Draw curves over time from zero up; each is an array of shape (n, 2): seconds and values."""
        highest = max((float(np.nanmax(points[:, 1])) for points, _ in series if len(points)), default=0.0) or 1.0
        self.text(title, 12, top + 16)
        self.text(unit, 12, top + 36, size=0.42, colour=GREY)
        for share in (0.0, 0.5, 1.0):
            y = top + height * (1 - share)
            self.curve(np.array([[LEFT, y], [WIDTH - RIGHT, y]]), FAINT)
            self.text(f"{share * highest:.3g}", LEFT - 50, y + 4, size=0.4, colour=GREY)
        for points, colour in series:
            rows = top + height * (1 - points[:, 1] / highest)
            columns = LEFT + (WIDTH - LEFT - RIGHT) * points[:, 0] / self._duration_s
            self.curve(np.stack([columns, rows], axis=1), colour, 2 if colour == BLUE else 1)


def draw(performance: Performance, score: Score, baseline: Performance | None) -> NDArray[np.uint8]:
    """Draw a rehearsal, shape (Y, X, 3) BGR: it in blue, the fixed-rate baseline in grey."""
    sheet = Sheet(performance.duration_s, 640)
    sheet.text(_headline(score, with_target=performance.is_about_a_target), 12, 28, size=0.6)
    sheet.text("this rehearsal", LEFT, 54, size=0.45, colour=BLUE)
    if baseline is not None:
        sheet.text(f"constant imaging every {score.wanted_s:g} s", LEFT + 150, 54, size=0.45, colour=GREY)
    sheet.text("divisions", 12, 92)
    sheet.text("caught", LEFT - 92, 92, size=0.42, colour=GREEN)
    sheet.text("missed", LEFT - 92, 110, size=0.42, colour=RED)
    for division in seen_divisions(performance, score.window_s):
        caught = is_caught(performance.shots, division, score.wanted_s, score.window_s)
        sheet.tick(division.time_s, 76, 112, GREEN if caught else RED)
    sheet.text("decisions", 12, 146)
    for request, receipt in performance.requests:
        time_s = (request.issued_ns - performance.began_ns) / 1e9
        sheet.tick(time_s, 130, 158, BLUE if receipt.verdict == "done" else RED)
    both = [(performance, BLUE)] if baseline is None else [(baseline, GREY), (performance, BLUE)]
    sheet.graph("images", "a minute", 190, 120, [(_rate(one.shots), colour) for one, colour in both])
    sheet.graph("light", "s of exposure", 340, 120, [(_light(one.shots), colour) for one, colour in both])
    if performance.is_about_a_target:
        sheet.graph("followed", "% of field off", 490, 90, [(_offset(one), colour) for one, colour in both])
    step_s, unit, unit_s = tick_step(performance.duration_s)
    for time_s in np.arange(0.0, performance.duration_s + 1e-9, step_s):
        sheet.text(f"{time_s / unit_s:g} {unit}", sheet.x(float(time_s)) - 12, 612, size=0.42)
    return sheet.pixels


def tick_step(duration_s: float) -> tuple[float, str, float]:
    """Return a round step of at most eight to the whole, its unit and that in seconds.

    >>> tick_step(6 * 3600)
    (3600.0, 'h', 3600.0)
    """
    for unit, unit_s, steps in (
        ("s", 1.0, (1, 2, 5, 10, 20)),
        ("min", 60.0, (0.5, 1, 2, 5, 10, 20)),
        ("h", 3600.0, ()),
    ):
        for step in steps or (1, 2, 3, 6, 12):
            if duration_s <= 8 * step * unit_s:
                return float(step * unit_s), unit, unit_s
    days = 1 + duration_s // (8 * 86400)
    return days * 86400.0, "d", 86400.0


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a PNG; RecordError if it cannot be written."""
    fits, data = cv2.imencode(".png", pixels)
    try:
        path.write_bytes(data.tobytes() if fits else b"")
    except OSError as err:
        raise RecordError(f"{path}: the picture cannot be written: {err}") from err


def _headline(score: Score, *, with_target: bool) -> str:
    caught = f"{score.caught} of {score.divisions} divisions caught" if score.divisions else "no division in the image"
    target = "" if score.on_target is None or not with_target else f", {100 * score.on_target:.0f} % on target"
    return f"{caught}, {score.images} images in {score.duration_h:.1f} h, {score.lit_s:.0f} s of light{target}"


def _rate(shots: Sequence[Shot]) -> NDArray[np.float64]:
    times_s = np.array([shot.time_s for shot in shots])
    if len(times_s) < 2:
        return np.empty((0, 2))
    gaps_s = np.maximum(np.diff(times_s), 1e-3)
    # Steps: a rate holds from one image to the next.
    return np.stack([np.repeat(times_s, 2)[1:-1], np.repeat(60 / gaps_s, 2)], axis=1)


def _light(shots: Sequence[Shot]) -> NDArray[np.float64]:
    if not shots:
        return np.empty((0, 2))
    lit_s = np.cumsum([shot.exposure_ms / 1000 for shot in shots])
    return np.stack([np.array([shot.time_s for shot in shots]), lit_s], axis=1)


def _offset(performance: Performance) -> NDArray[np.float64]:
    offsets = target_track(performance)[0]
    times_s = np.array([shot.time_s for shot in performance.shots if not shot.is_asked])[: len(offsets)]
    away = 100 * np.abs(offsets).max(axis=1) if len(offsets) else np.empty(0)
    seen = ~np.isnan(away)
    return np.stack([times_s[seen], away[seen]], axis=1)
