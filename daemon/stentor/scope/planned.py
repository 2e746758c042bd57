"""Planned: what an acquisition images, read from its settings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stentor.core.clock import Clock
from stentor.core.errors import ConfigError
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.agenda import Agenda, Detour
from stentor.scope.barrier import Barrier, Moment
from stentor.scope.tiles import with_field_of_view
from stentor.scope.useq_keys import read_as

if TYPE_CHECKING:
    import pymmcore
    import useq

READS: Final = (".yaml", ".yml", ".json")


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
    import yaml

    if not Path(path).is_file():
        raise ConfigError(f"acquisition.sequence_file: no file {path}")
    if Path(path).suffix not in READS:
        raise ConfigError(f"acquisition.sequence_file: {path} is none of {', '.join(READS)}")
    try:
        text = Path(path).read_text(encoding="utf-8")
        return read_as(useq.MDASequence, json.loads(text) if path.endswith(".json") else yaml.safe_load(text))
    except (ConfigError, ValueError, yaml.YAMLError) as err:
        said = " ".join(str(err).split())  # a line of YAML's is no fault of its own
        raise ConfigError(f"{path}: not a useq-schema MDASequence: {said}") from err


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
