"""Whereabouts: keeps the guard told how the hardware stands, and admits when nobody knows."""

import logging

from msgspec import structs

from stentor.control.device_call import Standing
from stentor.control.guard import Guard
from stentor.scope.hands.drivers import Drivers

logger = logging.getLogger(__name__)


class Whereabouts:
    """Everything by the thread that holds the hardware.

    `read` after every change; `refresh` before a request and `ensure` before an event is judged; `look` before every
    live image; `look_again` once an event is over.
    """

    def __init__(self, drivers: Drivers, guard: Guard) -> None:
        self._drivers = drivers
        self._guard = guard
        self._is_lost = False

    def read(self, *, may_wait: bool = True) -> Standing | None:
        """Ask the hardware how it stands, and tell the guard; None: it does not say.

        Then its drives are taken to stand nowhere known, and not where they were sent: one that failed on the way is
        not there. Steps are refused until somebody knows again, and light counts in an account of its own.
        """
        try:
            standing = self._drivers.standing(may_wait=may_wait)
        except RuntimeError as err:
            if not self._is_lost:
                logger.warning("the hardware does not say how it stands: %s", err)
            self._is_lost = True
            self._guard.note(structs.replace(self._guard.standing, x_um=None, y_um=None, z_um=None))
            return None
        self._is_lost = not self._drivers.knows_all(standing)
        self._guard.note(standing)
        return standing

    def refresh(self) -> None:
        """Ask again before a request, for a hand on the stage tells nobody; images wait for no drive that moves."""
        self.read(may_wait=False)

    def look(self) -> None:
        """Ask where the drives are, moving or not: the light of a live image falls there."""
        try:
            x_um, y_um, z_um = self._drivers.places()
        except RuntimeError:
            x_um = y_um = z_um = None
        self._guard.note(structs.replace(self._guard.standing, x_um=x_um, y_um=y_um, z_um=z_um))

    def look_again(self) -> None:
        """Ask where an event has brought the drives: some engines only warn of one that fails, and light all the same.

        Raises
        ------
        RecordError
            If light that fell elsewhere cannot be written down.
        """
        try:
            standing = self._drivers.standing(may_wait=False)
        except RuntimeError:
            self.read(may_wait=False)
            return
        self._is_lost = not self._drivers.knows_all(standing)
        self._guard.note_arrival(standing)

    def ensure(self) -> None:
        """Ask again, without waiting, if a drive did not say the last time."""
        if self._is_lost:
            self.read(may_wait=False)
