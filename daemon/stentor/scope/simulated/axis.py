"""Axis: one motor with a speed, a settling time and backlash."""

from dataclasses import dataclass

import numpy as np

_VIBRATION_UM = 0.6
_MOVES_KEPT = 8


@dataclass(frozen=True)
class _Move:
    start_ns: int
    end_ns: int
    origin_um: float
    target_um: float
    slack_um: float
    """True position less motor position when the move began."""


class Axis:
    """A motor that carries a slide through a gear with play.

    The motor turns at constant speed and its encoder is what the drive reports. The slide follows through a gap of
    `backlash_um`: after a reversal it stands still until the gap is used up (the "play" operator of hysteresis
    models), so that one reported position is two true ones, depending on the direction of approach. On arrival the
    slide vibrates for `settle_s`, and the axis stays busy so long.

    Times are the microscope clock's nanoseconds. One thread at a time may command it, any thread may ask.
    """

    def __init__(self, *, speed_um_per_s: float, backlash_um: float, settle_s: float, now_ns: int) -> None:
        self._speed = speed_um_per_s
        self._half_gap = backlash_um / 2
        self._settle_ns = int(settle_s * 1e9)
        still = _Move(now_ns - 10**12, now_ns - 10**12, 0.0, 0.0, 0.0)
        # A frame's exposure may have begun before the newest command: the older moves answer for it. A tuple, replaced
        # whole, so that a read-back needs no lock.
        self._moves: tuple[_Move, ...] = (still,)

    def move_to(self, target_um: float, now_ns: int) -> None:
        """Start towards a position, from wherever the axis is now."""
        origin = self.reported_um(now_ns)
        slack = self._followed_um(now_ns) - origin
        duration_ns = int(abs(target_um - origin) / self._speed * 1e9)
        newest = _Move(now_ns, now_ns + duration_ns, origin, target_um, slack)
        self._moves = (*self._moves[-_MOVES_KEPT:], newest)

    def stop(self, now_ns: int) -> None:
        """Stay where the motor is now."""
        self.move_to(self.reported_um(now_ns), now_ns)

    def is_busy(self, now_ns: int) -> bool:
        """Tell whether the axis moves or still settles; a move of nothing is over at once."""
        move = self._moves[-1]
        return move.end_ns > move.start_ns and now_ns < move.end_ns + self._settle_ns

    def reported_um(self, at_ns: int) -> float:
        """Tell the motor's position, which is what a read-back gives."""
        move = self._at(at_ns)
        if at_ns >= move.end_ns:
            return move.target_um
        share = max(0, at_ns - move.start_ns) / (move.end_ns - move.start_ns)
        return move.origin_um + share * (move.target_um - move.origin_um)

    def true_um(self, at_ns: int) -> float:
        """Tell where the slide is: behind its gap, and vibrating after an arrival."""
        move = self._at(at_ns)
        followed = self._followed_um(at_ns)
        after_ns = at_ns - move.end_ns
        if move.end_ns == move.start_ns or not 0 <= after_ns < self._settle_ns:
            return followed
        amplitude = _VIBRATION_UM * min(1.0, abs(move.target_um - move.origin_um) / 10)
        progress = after_ns / self._settle_ns
        return followed + amplitude * (1 - progress) ** 2 * float(np.cos(6 * np.pi * progress))

    def _followed_um(self, at_ns: int) -> float:
        move = self._at(at_ns)
        motor = self.reported_um(at_ns)
        start = move.origin_um + move.slack_um
        return min(max(start, motor - self._half_gap), motor + self._half_gap)

    def _at(self, at_ns: int) -> _Move:
        moves = self._moves
        return next((move for move in reversed(moves) if move.start_ns <= at_ns), moves[0])
