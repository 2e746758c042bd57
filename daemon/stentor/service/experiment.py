"""Experiment: a commented folder to begin with, written from a template."""

import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, NamedTuple

from stentor.core.errors import ConfigError, RecordError
from stentor.core.nearest import did_you_mean

PLACEHOLDER: Final = "EXPERIMENT"
"""Stands in the files of a template for the folder's name: `name` in TOML, the path as typed in commands."""


class Template(NamedTuple):
    """A folder of files in the package; its README's title says `what` it is for."""

    name: str
    what: str


def list_templates() -> tuple[Template, ...]:
    """Return every template, by name."""
    folders = sorted((entry for entry in _home().iterdir() if entry.is_dir()), key=lambda entry: entry.name)
    return tuple(Template(folder.name, _what(folder)) for folder in folders if folder.joinpath("README.md").is_file())


def write_experiment(folder: Path, template: str) -> tuple[Path, ...]:
    """Write a template's files into a new folder, and return their paths.

    Raises
    ------
    ConfigError
        If there is no such template, or the folder holds something already.
    RecordError
        If the folder cannot be written.
    """
    names = [known.name for known in list_templates()]
    if template not in names:
        raise ConfigError(f"no template {template!r}; {did_you_mean(template, names)}")
    written = []
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{folder}: there is something already; name a new folder, nothing is overwritten")
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(_home().joinpath(template).iterdir(), key=lambda entry: entry.name):
            if source.is_file():
                path = folder / source.name
                path.write_text(_filled(source, folder), encoding="utf-8")
                written.append(path)
    except OSError as err:
        raise RecordError(f"{folder}: cannot be written: {err.strerror}; name a folder that you may write to") from err
    return tuple(written)


def _home() -> Traversable:
    return files("stentor.service").joinpath("templates")


def _what(folder: Traversable) -> str:
    title = folder.joinpath("README.md").read_text(encoding="utf-8").partition("\n")[0]
    return title.partition(": ")[2]


def _filled(source: Traversable, folder: Path) -> str:
    text = source.read_text(encoding="utf-8")
    if source.name.endswith(".md"):
        return text.replace(PLACEHOLDER, shlex.quote(str(folder)))
    # A TOML string must stay one, whatever the folder is called.
    plain = "".join(letter for letter in folder.resolve().name if letter.isprintable() and letter not in '"\\')
    return text.replace(PLACEHOLDER, plain)
