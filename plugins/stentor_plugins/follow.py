"""Follow: keep one cell in the middle of the image while it moves."""

from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from stentor.control.expression import Expression
from stentor.core.action import MoveXY
from stentor.core.clock import NS_PER_MS
from stentor.core.controller import SeenResult
from stentor.core.finding import Objects
from stentor.core.frame import ASKED
from stentor.core.microscope import Microscope


class FollowSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom to follow, and how eagerly.

    Attributes
    ----------
    track_id
        The track to follow; None: the one nearest to the middle when it begins, among those that satisfy `which`.
    which
        Condition on objects that may be chosen, such as "area_um2 > 100"; None: any.
    share
        How much of the way to the middle to go at once: less is calmer, more keeps up with faster cells.
    calm_um
        Nearer to the middle than this nothing moves: every move costs a frame its rest.
    after_division
        Go on with the nearer daughter, or stop where the mother was.
    lost_um, lost_frames
        When the cell was not seen for more frames than that, longer than the tracker remembers it (twice as many while
        another hides it), a track that began since then within so far of where it was last seen is taken for it.
    """

    track_id: int | None = None
    which: str | None = None
    share: Annotated[float, Meta(gt=0, le=1)] = 0.7
    calm_um: Annotated[float, Meta(ge=0)] = 3.0
    after_division: bool = True
    lost_um: Annotated[float, Meta(ge=0)] = 20.0
    lost_frames: Annotated[int, Meta(ge=0)] = 3


class Follow:
    """Moves the stage by what pixels mean on it: rotated, mirrored and binned cameras are all the same to it.

    While another object hides the cell, that object is kept in the middle; when they part for good under new numbers,
    the one that looks more like the cell is taken for it.
    """

    Settings = FollowSettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self._settings: FollowSettings = settings
        which = settings.which
        self._which = None if which is None else Expression(which, where="which", of_objects=True)
        self.conditions = () if self._which is None else (self._which,)
        # How far is known later: further than this.
        self.asks = (MoveXY(x_um=settings.share * settings.calm_um, y_um=0.0, is_relative=True),)
        self._run = ""
        self._track_id: int | None = settings.track_id
        self._last_um: tuple[float, float] | None = None
        self._last_sequence = 0
        self._last_look: tuple[float, float] = (1.0, 1.0)
        self._host: int | None = None
        self._moved_ns = 0

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Find the cell in a result and bring it nearer to the middle."""
        objects, frame = result.objects, result.frame
        self._enter(frame.frame_id.run)
        if ASKED in frame.axes:  # wherever its asker wanted it; the stage goes back after it
            return
        if frame.pixel_to_stage is None or "track_id" not in objects:
            return
        # A frame whose exposure began before the last move was done shows where the cell no longer is.
        began_ns = (frame.exposure_end_ns or frame.received_ns) - (frame.exposure_ms or 0.0) * NS_PER_MS
        if began_ns < self._moved_ns:
            return
        index = self._find(objects, result)
        if index is None:
            return
        y_px, x_px = float(objects["y_px"][index]), float(objects["x_px"][index])
        self._last_um = (float(objects["y_um"][index]), float(objects["x_um"][index]))
        if self._host is None:
            self._last_sequence, self._last_look = frame.frame_id.sequence, _look(objects, index)
        middle_y, middle_x = ((side - 1) / 2 for side in frame.shape_yx)
        away_um = float(np.hypot(y_px - middle_y, x_px - middle_x)) * frame.pixel_to_stage.pixel_size_um
        if away_um <= self._settings.calm_um:
            return
        reason = f"track {self._track_id} is {away_um:.1f} um from the middle"
        receipt = microscope.centre(result, y_px, x_px, share=self._settings.share, reason=reason)
        if receipt.is_done and receipt.done_ns is not None:
            self._moved_ns = receipt.done_ns

    def close(self) -> None:
        """Nothing to let go of."""

    def _enter(self, run: str) -> None:
        """Begin anew in another run: its tracks have numbers of their own, and its clock may be another."""
        if run == self._run:
            return
        self._run, self._track_id, self._last_um, self._host = run, self._settings.track_id, None, None
        self._last_sequence, self._moved_ns = 0, 0

    def _find(self, objects: Objects, result: SeenResult) -> int | None:
        if self._track_id is None:
            return self._choose(objects, result)
        seen = _row_of(objects, self._track_id)
        if seen is not None:
            self._host = None
            return seen
        daughter = self._daughter(objects)
        if daughter is not None:
            return daughter if self._settings.after_division else None
        for event in result.events:
            if event.kind == "merge" and event.data.get("track_id") == self._track_id:
                self._host = int(event.data["other_1"])
        host = None if self._host is None else _row_of(objects, self._host)
        newcomer = self._newcomer(objects, result.frame.frame_id.sequence, host)
        return host if newcomer is None else newcomer

    def _choose(self, objects: Objects, result: SeenResult) -> int | None:
        allowed = np.ones(len(objects), bool) if self._which is None else self._which.selects(result)
        middle_y, middle_x = ((side - 1) / 2 for side in result.frame.shape_yx)
        away_px = np.hypot(objects["y_px"] - middle_y, objects["x_px"] - middle_x)
        return self._take_nearest(objects, allowed, away_px)

    def _daughter(self, objects: Objects) -> int | None:
        if "parent_id" not in objects:
            return None
        return self._take_nearest(objects, objects["parent_id"] == self._track_id, self._away_um(objects))

    def _newcomer(self, objects: Objects, sequence: int, host: int | None) -> int | None:
        """Return the track that began where the lost one ended: the tracker remembers for a few frames only."""
        gone_frames = sequence - self._last_sequence
        patience = self._settings.lost_frames * (1 if host is None else 2)
        if "age_frames" not in objects or gone_frames <= patience:
            return None
        away_um = self._away_um(objects)
        allowed = (objects["age_frames"] < gone_frames) & (away_um <= self._settings.lost_um)
        if host is not None and allowed.any():
            allowed[host] = True
            away_um = np.array([_unlike(_look(objects, row), self._last_look) for row in range(len(objects))])
        return self._take_nearest(objects, allowed, away_um)

    def _away_um(self, objects: Objects) -> Any:
        y_um, x_um = self._last_um or (np.nan, np.nan)
        return np.hypot(objects["y_um"] - y_um, objects["x_um"] - x_um)

    def _take_nearest(self, objects: Objects, allowed: Any, away: Any) -> int | None:
        """Return the nearest that is allowed, and follow it from now on."""
        if not np.any(allowed):
            return None
        index = int(np.where(allowed, away, np.inf).argmin())
        self._track_id, self._host = int(objects["track_id"][index]), None
        return index


def _row_of(objects: Objects, track_id: int) -> int | None:
    (found,) = np.nonzero(objects["track_id"] == track_id)
    return int(found[0]) if len(found) else None


def _look(objects: Objects, row: int) -> tuple[float, float]:
    """Return area and brightness, 1 where the plan does not measure them."""
    area, light = (float(objects[name][row]) if name in objects else 1.0 for name in ("area_px", "mean_intensity"))
    return area, light


def _unlike(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(np.abs(np.log(np.maximum(one, 1e-9)) - np.log(np.maximum(other, 1e-9))).sum())
