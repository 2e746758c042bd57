"""Configuration: read a TOML file into settings, and say everything that is wrong with it at once."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import structs

from stentor.control.settings import empty_ranges
from stentor.core.errors import ConfigError
from stentor.core.nearest import did_you_mean, explain, unknown_key
from stentor.service.controllers import controller_names
from stentor.service.settings import Settings
from stentor.wire import rendezvous

EXPERIMENT_FILE: Final = "experiment.toml"
"""What a folder is read by."""


def load_settings(path: Path | None) -> Settings:
    """Return the settings of a file, or of an experiment's folder; None: the defaults, a simulated microscope.

    Raises
    ------
    ConfigError
        With every fault, one a line: file, key, what was expected, and the nearest known key.
    """
    if path is None:
        return Settings()
    if path.is_dir():
        path = path / EXPERIMENT_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"{path}: cannot be read: {err.strerror}; give a .toml file or a folder with one") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: is not TOML: {err}") from err
    faults = [f"{path}: {fault}" for fault in _faults(document, Settings, "")]
    if faults:
        raise ConfigError("\n".join(faults))
    settings = msgspec.convert(document, Settings)
    if faults := [f"{path}: {fault}" for fault in (*empty_ranges(settings.guard), *_combinations(settings))]:
        raise ConfigError("\n".join(faults))
    rendezvous.path_of(settings.name)
    return _with_paths_beside(settings, path)


def _combinations(settings: Settings) -> Iterator[str]:
    """Yield what is well by itself and cannot be together."""
    guard, acquisition = settings.guard, settings.acquisition
    if acquisition.mode == "sequence" and guard.on_silence != "continue":
        yield (
            f'`guard.on_silence` = "{guard.on_silence}": nothing can hold up a fixed sequence; set acquisition.mode = '
            '"adaptive", or on_silence = "continue"'
        )
    if acquisition.barrier is not None and acquisition.mode != "adaptive":
        yield f'`acquisition.barrier`: acquisition.mode = "{acquisition.mode}" waits for nobody; set "adaptive"'
    names = controller_names(settings.controller)
    if acquisition.barrier is not None and acquisition.barrier.controller not in names:
        # A script may be meant, which nobody knows beforehand: only what is nearly a controller's is a slip.
        who = acquisition.barrier.controller
        if difflib.get_close_matches(who, names, 1):
            yield f"`acquisition.barrier.controller`: no controller {who!r}; {did_you_mean(who, names)}"


def _faults(table: Mapping[str, Any], struct: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    """Yield one sentence for each unknown key and each value of a wrong type, however many there are."""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    for key, value in table.items():
        where = f"{prefix}{key}"
        if key not in fields:
            yield unknown_key(key, fields, prefix)
            continue
        kind = fields[key].type
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, Mapping):
            yield from _faults(value, kind, f"{where}.")
            continue
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as err:
            yield f"`{where}`: {explain(err, kind, value)}"


def _with_paths_beside(settings: Settings, path: Path) -> Settings:
    """Read relative paths of sequence, replay and record as relative to the configuration file.

    A Micro-Manager configuration is taken from there if it lies there, else looked for where it always was.
    """
    acquisition, replay, record = settings.acquisition, settings.rig.replay, settings.record
    config_file = settings.rig.config_file
    if acquisition.sequence_file is not None:
        acquisition = structs.replace(acquisition, sequence_file=str(path.parent / acquisition.sequence_file))
    if replay.path is not None:
        replay = structs.replace(replay, path=str(path.parent / replay.path))
    if record.folder is not None:
        record = structs.replace(record, folder=str(path.parent / record.folder))
    if config_file is not None and (path.parent / config_file).is_file():
        config_file = str(path.parent / config_file)
    rig = structs.replace(settings.rig, replay=replay, config_file=config_file)
    return structs.replace(settings, acquisition=acquisition, rig=rig, record=record)
