"""Score: what a rehearsal caught of what truly happened, and at what cost of light."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.core.action import Receipt, Request, SetInterval
from stentor.core.errors import ConfigError
from stentor.rehearsal.performance import Performance, Shot, TrueDivision

SHARE: Final = 0.8
ON_TARGET: Final = 0.1
"""Of the image's sides: half as far to every side of the middle as a tenth of the field is 'within 10 %'."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a rehearsal went; None: there was nothing to tell it from.

    Attributes
    ----------
    images, duration_h
        Taken, and in how much of the microscope's time.
    divisions, caught
        Divisions whose mother was in the image before, and those of them that were caught: at least 80 % of the images
        that constant imaging at `wanted_s` takes in the `window_s` seconds after it were taken.
    light_s
        Seconds of full light that a nucleus has received, on average.
    lit_s
        Sum of all exposures, in seconds.
    decide_p50_ms, decide_p99_ms
        From the end of an exposure to the request that rests on it, model included, on this machine.
    done, refused, failed_actions
        Requests by what became of them.
    on_target
        Share of images in which the nucleus that was nearest to the middle at first (later its nearer daughter) lies
        within 10 % of the field from the middle.
    failed
        Images without a result.
    """

    images: int
    duration_h: float
    wanted_s: float
    window_s: float
    divisions: int
    caught: int
    light_s: float
    lit_s: float
    decide_p50_ms: float | None
    decide_p99_ms: float | None
    done: int
    refused: int
    failed_actions: int
    on_target: float | None
    failed: int


def score_of(performance: Performance, *, wanted_s: float, window_s: float) -> Score:
    """Judge a rehearsal.

    Parameters
    ----------
    wanted_s
        The interval at which divisions are wanted.
    window_s
        For how long after a division.
    """
    seen = seen_divisions(performance)
    delays_ms = _delays_ms(performance.decisions)
    verdicts = [receipt.verdict for _, receipt in performance.decisions]
    return Score(
        images=len(performance.shots),
        duration_h=performance.duration_s / 3600,
        wanted_s=wanted_s,
        window_s=window_s,
        divisions=len(seen),
        caught=sum(is_caught(performance.shots, division, wanted_s, window_s) for division in seen),
        light_s=performance.light_s,
        lit_s=sum(shot.exposure_ms for shot in performance.shots) / 1000,
        decide_p50_ms=float(np.percentile(delays_ms, 50)) if delays_ms else None,
        decide_p99_ms=float(np.percentile(delays_ms, 99)) if delays_ms else None,
        done=verdicts.count("done"),
        refused=verdicts.count("refused"),
        failed_actions=verdicts.count("failed"),
        on_target=on_target(performance),
        failed=performance.failed,
    )


def fastest_interval_s(performance: Performance, rate_hz: float | None) -> float:
    """Return the shortest interval that was asked for and granted; none asked for: that of the base rate.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    asked_s = [
        request.action.interval_ms / 1000
        for request, receipt in performance.decisions
        if isinstance(request.action, SetInterval) and receipt.verdict == "done" and request.action.interval_ms > 0
    ]
    if rate_hz is not None:
        asked_s.append(1.0 / rate_hz)
    if not asked_s:
        raise ConfigError("no interval to compare with: set acquisition.rate_hz, or say --every SECONDS")
    return min(asked_s)


def seen_divisions(performance: Performance) -> list[TrueDivision]:
    """Return the divisions whose mother was wholly in the last image before, and that were not the very end."""
    times_s = np.array([shot.time_s for shot in performance.shots])
    seen = []
    for division in performance.divisions:
        before = int(np.searchsorted(times_s, division.time_s)) - 1
        if 0 <= before < len(times_s) - 1 and division.parent in performance.shots[before].ids:
            seen.append(division)
    return seen


def is_caught(shots: Sequence[Shot], division: TrueDivision, wanted_s: float, window_s: float) -> bool:
    """Tell whether a division was imaged as closely as wanted, or as long as there were images."""
    end_s = min(division.time_s + window_s, shots[-1].time_s)
    wanted = int((end_s - division.time_s) / wanted_s)
    taken = sum(division.time_s < shot.time_s <= end_s for shot in shots)
    return taken >= SHARE * wanted


def on_target(performance: Performance) -> float | None:
    """Return the share of images that have the followed nucleus near the middle; None: there was none to follow."""
    near = target_track(performance)[1]
    return float(near.mean()) if len(near) else None


def target_track(performance: Performance) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return, for every image from the first on, how far the followed nucleus lay from the middle.

    Returns
    -------
    offsets
        Shape (n, 2): column and row from the middle, as shares of width and height; NaN where it was not in the image.
    near
        Shape (n,): whether both are within `ON_TARGET`.
    """
    shots = [shot for shot in performance.shots if not shot.is_asked]
    daughters = {division.parent: division.daughters for division in performance.divisions}
    offsets = np.full((len(shots), 2), np.nan)
    target: int | None = None
    for row, shot in enumerate(shots):
        away = (shot.centroids_px - (np.array(shot.shape_yx[::-1]) - 1) / 2) / np.array(shot.shape_yx[::-1])
        if target is None and len(away):
            target = int(shot.ids[np.abs(away).max(axis=1).argmin()])
        if target not in shot.ids and target in daughters:
            born = [(np.abs(away[shot.ids == child]).max(), child) for child in daughters[target] if child in shot.ids]
            target = min(born)[1] if born else target
        if target in shot.ids:
            offsets[row] = away[shot.ids == target][0]
    near = np.nan_to_num(np.abs(offsets).max(axis=1), nan=1.0) <= ON_TARGET if len(offsets) else np.empty(0, bool)
    return offsets, near


def _delays_ms(decisions: Sequence[tuple[Request, Receipt]]) -> list[float]:
    return [
        (request.issued_ns - request.cause.seen_ns) / 1e6
        for request, _ in decisions
        if request.cause.seen_ns is not None and request.cause.clock_id == request.clock_id
    ]
