"""Replay: the settings of a rig that replays a recording, from a file and the command line."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import structs

from stentor.core.errors import ConfigError
from stentor.scope.replay.settings import ReplaySettings
from stentor.service.configuration import load_settings
from stentor.service.settings import Settings


def with_replay(config: Path | None, given: Mapping[str, object], *, frames: int | None, name: str | None) -> Settings:
    """Return the settings of a configuration file, its microscope replaced by a recording.

    Parameters
    ----------
    config
        None: the built-in defaults.
    given
        Fields of `ReplaySettings`, which win over the file; None: as the file says.
    frames, name
        Win over the file; None: as it says.

    Raises
    ------
    ConfigError
        With every fault of the file, or with what is wrong on the command line.
    """
    settings = load_settings(config)
    said = {key: _number(value) if key == "pace" else value for key, value in given.items() if value is not None}
    try:
        replay = msgspec.convert({**structs.asdict(settings.rig.replay), **said}, ReplaySettings)
    except msgspec.ValidationError as err:
        raise ConfigError(f"the command line: {err}; `stentor replay --help` says what can be given") from err
    acquisition = structs.replace(settings.acquisition, frames=frames or settings.acquisition.frames, mode="live")
    return structs.replace(
        settings,
        name=name or settings.name,
        rig=structs.replace(settings.rig, kind="replay", replay=replay),
        acquisition=acquisition,
    )


def _number(pace: object) -> object:
    try:
        return float(str(pace))
    except ValueError:
        return pace
