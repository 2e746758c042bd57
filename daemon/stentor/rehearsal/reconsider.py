"""Reconsider: finds, in the folder of a session, what a controller saw and decided, and asks it again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stentor.client.result import Result, unpacked
from stentor.core.errors import ConfigError, RecordError
from stentor.record.decision_text import cut_off_line
from stentor.record.decisions import cut_off_ns, read_decisions
from stentor.record.evidence import evidence_file, is_cut_off, read_evidence
from stentor.rehearsal.second_opinion import SecondOpinion, opinion_lines
from stentor.service.controllers import controller_names
from stentor.service.session import SETTINGS_FILE, Session, find_session
from stentor.service.settings import Settings
from stentor.wire.message import MalformedMessage


def reconsider(folder: Path, controller: str, changed: Settings | None = None) -> Iterator[str]:
    """Yield, in lines for people, where a controller decides otherwise on what was seen then.

    Parameters
    ----------
    folder
        Of a session, the one that holds its ledger; or of an experiment or of its runs, which means the newest.
    controller
        Its name, or its kind where it has no name.
    changed
        Settings with the controller as it is now; None: as it was then.

    Raises
    ------
    ConfigError
        If it is no session, or has no such controller.
    RecordError
        If what was seen was not kept, or cannot be read.
    """
    session = _session(folder)
    if session.folder != folder:
        yield f"{session.folder}, the newest"
    folder = session.folder
    try:
        settings = changed or session.settings()
    except (OSError, msgspec.MsgspecError) as err:
        raise ConfigError(f"{folder}: no session of `stentor run`, which has a {SETTINGS_FILE}: {err}") from err
    table = _table_of(settings, controller)
    source = evidence_file(folder, controller)
    if not source.exists():
        source = _stand_in(folder, controller)
        yield f"{controller} was not there: it is shown what {source.stem.removeprefix('evidence-')} saw"
    yield from opinion_lines(SecondOpinion(table, controller, _results(source), read_decisions(session.decisions)))
    if (since_ns := cut_off_ns(session.decisions)) is not None:
        yield cut_off_line(since_ns)
    if is_cut_off(source):
        yield "it saw more, which was not kept: record.evidence_mb was used up, or the disk full"


def _session(folder: Path) -> Session:
    if (folder / SETTINGS_FILE).is_file():
        return Session(folder)
    try:
        return find_session(folder)
    except RecordError as err:
        there = ", ".join(sorted(path.parent.name for path in folder.parent.glob(f"*/{SETTINGS_FILE}"))) or "none"
        raise ConfigError(
            f"{folder}: no session of `stentor run`, which has a {SETTINGS_FILE}; there are: {there}"
        ) from err


def _table_of(settings: Settings, controller: str) -> Mapping[str, Any]:
    names = controller_names(settings.controller)
    if controller not in names:
        raise ConfigError(f"no controller {controller!r} in the configuration; there are: {', '.join(names) or 'none'}")
    return settings.controller[names.index(controller)]


def _stand_in(folder: Path, controller: str) -> Path:
    """Return the largest evidence of others."""
    found = sorted(folder.glob(evidence_file(Path(), "*").name), key=lambda path: path.stat().st_size)
    if not found:
        raise RecordError(f"{folder}: no controller kept what it saw; record.evidence_mb above 0 does")
    return found[-1]


def _results(source: Path) -> Iterator[Result]:
    for parts in read_evidence(source):
        try:
            yield unpacked(parts)
        except MalformedMessage as err:
            raise RecordError(f"{source}: {err}") from err
