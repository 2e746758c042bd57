"""Score: what a rehearsal caught of what truly happened, and at what cost of light."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from stentor.core.action import Receipt, Request, SetInterval
from stentor.core.errors import ConfigError
from stentor.record.decision_text import action_words
from stentor.rehearsal.performance import Performance, Shot, TrueDivision
from stentor.rehearsal.target import target_track

BY_DEVICE: Final = "device"
SHARE: Final = 0.8
BORDER: Final = 0.05
"""Of the image's sides, about a nucleus: a mother nearer to the border may have left the image when she divides."""


class Unfulfilled(msgspec.Struct, frozen=True):
    """Requests that came to nothing for one reason: how many, and the first of them in words."""

    count: int
    example: str


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a rehearsal went; None: there was nothing to tell it from.

    Attributes
    ----------
    images, duration_h
        Taken, and in how much of the microscope's time.
    divisions, caught
        Divisions whose mother was in the image before, a nucleus from its border or more, and whose `window_s` seconds
        were over before the end, and those of them that were caught: in at least 80 % of the intervals of `wanted_s`
        after it an image shows a daughter.
    onset_s
        From the last image before a division to the first after it: median over `divisions`.
    light_s
        Seconds of full light that a nucleus has received, on average.
    lit_s
        Sum of all exposures, in seconds.
    decide_p50_ms, decide_p99_ms
        From the end of an exposure to the request that rests on it, model included, on this machine.
    done, refused, failed_actions
        Requests by what became of them.
    refusals
        Those refused, by the guard's rule; those that failed, by "device".
    on_target
        Share of images in which the nucleus that was nearest to the middle at first (later one of its daughters) lies
        within 10 % of the field from the middle.
    stimulated
        Nuclei that live still and have received stimulation light.
    failed, undecided
        Images without a result, and results on which a controller raised.
    """

    images: int
    duration_h: float
    wanted_s: float
    window_s: float
    divisions: int
    caught: int
    onset_s: float | None
    light_s: float
    lit_s: float
    decide_p50_ms: float | None
    decide_p99_ms: float | None
    done: int
    refused: int
    failed_actions: int
    refusals: dict[str, Unfulfilled]
    on_target: float | None
    stimulated: int
    failed: int
    undecided: int


def score_of(performance: Performance, *, wanted_s: float, window_s: float, border: float = BORDER) -> Score:
    """Judge a rehearsal.

    Parameters
    ----------
    wanted_s
        The interval at which divisions are wanted.
    window_s
        For how long after a division.
    border
        Divisions of mothers nearer to the image's border, in parts of its sides, are not counted.
    """
    seen = seen_divisions(performance, window_s, border)
    delays_ms = _delays_ms(performance.decisions)
    verdicts = [receipt.verdict for _, receipt in performance.requests]
    return Score(
        images=len(performance.shots),
        duration_h=performance.duration_s / 3600,
        wanted_s=wanted_s,
        window_s=window_s,
        divisions=len(seen),
        caught=sum(is_caught(performance.shots, division, wanted_s, window_s) for division in seen),
        onset_s=float(np.median([_onset_s(performance.shots, division) for division in seen])) if seen else None,
        light_s=performance.light_s,
        lit_s=sum(shot.exposure_ms for shot in performance.shots) / 1000,
        decide_p50_ms=float(np.percentile(delays_ms, 50)) if delays_ms else None,
        decide_p99_ms=float(np.percentile(delays_ms, 99)) if delays_ms else None,
        done=verdicts.count("done"),
        refused=verdicts.count("refused"),
        failed_actions=verdicts.count("failed"),
        refusals=_refusals(performance.requests),
        on_target=on_target(performance),
        stimulated=len(performance.stimulated_s),
        failed=performance.failed,
        undecided=performance.undecided,
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


def seen_divisions(performance: Performance, window_s: float, border: float = BORDER) -> list[TrueDivision]:
    """Return the divisions that could be caught: window over by the end, mother well within the last image before."""
    shots = performance.shots
    times_s = np.array([shot.time_s for shot in shots])
    seen = []
    for division in performance.divisions:
        before = int(np.searchsorted(times_s, division.time_s)) - 1
        is_over = division.time_s + window_s <= performance.duration_s
        if before >= 0 and is_over and _is_well_within(shots[before], division.parent, border):
            seen.append(division)
    return seen


def _is_well_within(shot: Shot, nucleus: int, border: float) -> bool:
    sides_px = np.array(shot.shape_yx[::-1])
    at_px = shot.centroids_px[shot.ids == nucleus]
    return bool(np.any(np.all((at_px > border * sides_px) & (at_px < (1 - border) * sides_px), axis=1)))


def is_caught(shots: Sequence[Shot], division: TrueDivision, wanted_s: float, window_s: float) -> bool:
    """Tell whether a division was imaged as closely as wanted: a burst counts once, and so does a view of others."""
    wanted = int(window_s / wanted_s)
    imaged = {
        int((shot.time_s - division.time_s) / wanted_s)
        for shot in shots
        if division.time_s < shot.time_s < division.time_s + wanted * wanted_s
        and np.isin(division.daughters, shot.ids).any()
    }
    return len(imaged) >= SHARE * wanted


def on_target(performance: Performance) -> float | None:
    """Return the share of images that have the followed nucleus near the middle; None: there was none to follow."""
    near = target_track(performance)[1]
    return float(near.mean()) if len(near) else None


def _onset_s(shots: Sequence[Shot], division: TrueDivision) -> float:
    before = max(shot.time_s for shot in shots if shot.time_s <= division.time_s)
    return min(shot.time_s for shot in shots if shot.time_s > division.time_s) - before


def _refusals(requests: Sequence[tuple[Request, Receipt]]) -> dict[str, Unfulfilled]:
    examples: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for request, receipt in requests:
        if receipt.verdict in ("refused", "failed"):
            reason = receipt.rule or BY_DEVICE
            counts[reason] += 1
            examples.setdefault(reason, f"{action_words(request.action)} of {request.cause.controller}: {receipt.text}")
    return {reason: Unfulfilled(count, examples[reason]) for reason, count in counts.most_common()}


def _delays_ms(decisions: Sequence[tuple[Request, Receipt]]) -> list[float]:
    return [
        (request.issued_ns - request.cause.seen_ns) / 1e6
        for request, _ in decisions
        if request.cause.seen_ns is not None and request.cause.clock_id == request.clock_id
    ]
