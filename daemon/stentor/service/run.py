"""Run: the main job, from settings to exit code."""

import sys
from typing import Literal

import msgspec
from rich.console import Console

from stentor.core.errors import ConfigError, RecordError
from stentor.service.controllers import check_controller_names
from stentor.service.exit_code import ExitCode
from stentor.service.foresight import check_images
from stentor.service.launcher import Launcher
from stentor.service.logs import set_up_logs
from stentor.service.session import Session
from stentor.service.settings import Settings
from stentor.service.summary import as_text, summarise
from stentor.service.view import View
from stentor.wire import rendezvous

SummaryForm = Literal["text", "json"]


def run_rig(settings: Settings, *, summary: SummaryForm = "text") -> ExitCode:
    """Run a rig to its end.

    On a terminal a live picture is drawn and log lines go to the session's folder; elsewhere, and with
    `summary="json"`, log lines go to standard error and the last line of standard output is one JSON object.

    Raises
    ------
    ConfigError
        If a number of frames is asked of a rig that acquires none, its limits would let no image be taken, a
        controller has a name that cannot be one's, or the rig runs already.
    RecordError
        If the session's folder cannot be made.
    """
    if settings.rig.kind == "tap" and settings.acquisition.frames is not None:
        raise ConfigError(
            'acquisition.frames (--frames) counts images that Stentor takes itself; with [rig] kind = "tap" another '
            "program takes them: leave it out and end with Ctrl-C or `stentor stop`"
        )
    check_images(settings)
    check_controller_names(settings.controller)
    rendezvous.check_free(settings.name)
    session = Session.create(settings)
    console = Console(stderr=True)
    has_view = summary == "text" and console.is_terminal and sys.stdout.isatty()
    set_up_logs(session.log("launcher"), to_stderr=not has_view)
    frames = settings.acquisition.frames if settings.acquisition.mode == "live" else None
    launcher = Launcher(session, frames=frames, logs_to_stderr=not has_view)
    if has_view:
        with View(settings.name, session.folder, launcher.news, console) as view:
            launcher.on_look = view.look
            code = launcher.run()
    else:
        code = launcher.run()
    _report(session, code, summary, launcher.news if has_view else [])
    return code


def _report(session: Session, code: ExitCode, form: SummaryForm, news: list[str]) -> None:
    for line in news:
        sys.stderr.write(f"{line}\n")
    if not session.ledger.exists():  # it ended before there was one, and has said why
        return
    try:
        summary = summarise(session.ledger, session.models(), int(code))
    except RecordError as err:
        sys.stderr.write(f"no summary: {err}\n")
        return
    sys.stdout.write((msgspec.json.encode(summary).decode() if form == "json" else as_text(summary)) + "\n")
    sys.stdout.flush()
