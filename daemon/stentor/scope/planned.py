"""Planned: what an acquisition images, read from its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stentor.core.clock import Clock
from stentor.core.errors import ConfigError
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.agenda import Agenda, Detour
from stentor.scope.barrier import Barrier, Moment
from stentor.scope.tiles import with_field_of_view

if TYPE_CHECKING:
    import pymmcore
    import useq


def read_sequence(acquisition: AcquisitionSettings) -> "useq.MDASequence | None":
    """Read the sequence of an acquisition; None: it has none, and needs none.

    Raises
    ------
    ConfigError
        If it is missing or no MDASequence.
    """
    path = acquisition.sequence_file
    if acquisition.mode == "live" or (path is None and acquisition.mode == "adaptive"):
        return None
    if path is None:
        raise ConfigError('acquisition.sequence_file is missing: mode = "sequence" needs a useq-schema file')
    import useq

    if not Path(path).is_file():
        raise ConfigError(f"acquisition.sequence_file: no file {path}")
    try:
        return useq.MDASequence.from_file(path)
    except ValueError as err:
        raise ConfigError(f"{path}: not a useq-schema MDASequence: {err}") from err


def make_agenda(
    acquisition: AcquisitionSettings,
    events: "useq.MDASequence | None",
    core: "pymmcore.CMMCore",
    *,
    clock: Clock,
    meanwhile: Callable[[float], None],
    detour: Detour,
    on_overdue: Callable[[Moment], None],
) -> Agenda:
    """Make the agenda of an adaptive acquisition; `events` None: one image where the stage stands."""
    import useq

    plan = [useq.MDAEvent()] if events is None else list(with_field_of_view(events, core))
    return Agenda(
        plan,
        exposure_ms=acquisition.exposure_ms,
        interval_s=0.0 if acquisition.rate_hz is None else 1.0 / acquisition.rate_hz,
        time_points=acquisition.frames,
        clock=clock,
        meanwhile=meanwhile,
        detour=detour,
        barrier=Barrier(acquisition.barrier, clock, on_overdue),
    )
