"""Opening: puts guard, account, drivers and desk of one rig together."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stentor.control.dose import DoseAccount
from stentor.control.guard import Guard
from stentor.control.settings import GuardSettings
from stentor.core.callback import guarded_callback
from stentor.core.clock import Clock
from stentor.core.errors import ConfigError
from stentor.scope.hands.desk import Desk
from stentor.scope.hands.detour import Detour
from stentor.scope.hands.dose_journal import DoseJournal
from stentor.scope.hands.drivers import Drivers, check_names, watched_names
from stentor.scope.hands.event_calls import light_path_of
from stentor.scope.hands.flood import Log
from stentor.scope.hands.gatekeeper import Gatekeeper
from stentor.scope.hands.own_row import refused_row
from stentor.scope.hands.performer import UNCALIBRATED, Performer
from stentor.scope.hands.whereabouts import Whereabouts
from stentor.scope.settings import ProjectorSettings

if TYPE_CHECKING:
    import pymmcore


class Hands:
    """The guarded way to one core's hardware; `close` at last, may be called twice.

    Attributes
    ----------
    desk
        Takes requests.
    gatekeeper
        For the engine: a `Between`.
    detour
        For an `Agenda`.

    Raises
    ------
    ConfigError
        If the guard's settings name what the core does not have.
    RecordError
        If the light account cannot be kept.
    """

    def __init__(
        self,
        settings: GuardSettings,
        core: "pymmcore.CMMCore",
        clock: Clock,
        *,
        journal: Path | None,
        abort: Callable[[], None],
        log: Log,
        projector: ProjectorSettings = UNCALIBRATED,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        check_names(core, settings)
        dose = settings.dose
        drivers = Drivers(core, watched_names(settings))
        field_um = drivers.field_um()
        if dose.budget_uj is not None and not (dose.field_um or field_um):
            raise ConfigError("guard.dose: the pixel size is unknown; give field_um, the side of the lit square")
        self._journal = None if journal is None else DoseJournal(journal, dose.specimen, dose.tile_um)
        received_uj = {} if self._journal is None else self._journal.read()
        write = (lambda totals: None) if self._journal is None else self._journal.write
        if dose.budget_uj is None:  # only counted: what cannot be written down must not stop an acquisition
            write = guarded_callback(write, name="the light account")
        account = DoseAccount(dose, received_uj=received_uj, field_um=field_um, write=write)
        guard = Guard(settings, account, drivers.standing(), light_path=light_path_of(core))
        whereabouts = Whereabouts(drivers, guard)
        self.detour = Detour(core, guard, drivers, whereabouts, on_change=on_change)
        performer = Performer(
            settings,
            core,
            guard,
            drivers,
            whereabouts,
            projector=projector,
            on_change=on_change,
            on_made=self.detour.note,
        )
        self.desk = Desk(settings, performer, clock, abort=abort, log=log)
        self.gatekeeper = Gatekeeper(
            guard,
            self.desk,
            core,
            whereabouts,
            is_dosed=dose.budget_uj is not None,
            on_refusal=lambda what, refusal: log(*refused_row(what, refusal, clock)),
        )

    def close(self) -> None:
        """Refuse what waits and close the account."""
        self.desk.close()
        if self._journal is not None:
            self._journal.close()
