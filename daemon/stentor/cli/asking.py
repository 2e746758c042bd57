"""Asking: the verbs that talk to a running rig or read what one has left."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from stentor.cli.application import Name, app, errors_said
from stentor.service.exit_code import ExitCode
from stentor.wire.rendezvous import DEFAULT_NAME


@app.command()
def status(name: Name = DEFAULT_NAME) -> None:
    """Print the state of a running daemon, and of the microscope's guard, as JSON."""
    from stentor.client.commands import ask
    from stentor.client.operator import describe
    from stentor.core.errors import PublishError

    with errors_said():
        answer = ask("status", name)
    try:
        guard = describe(name)
    except PublishError:  # no microscope of ours: a tap, a replay, or one that is just starting
        guard = None
    told = {**msgspec.to_builtins(answer.status), "guard": guard}
    typer.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())


@app.command()
def stop(
    name: Name = DEFAULT_NAME,
    daemon: Annotated[bool, typer.Option("--daemon", help="End the daemon only; the acquisition goes on.")] = False,
) -> None:
    """End a running acquisition and its daemon, or with --daemon only the latter."""
    from stentor.client.commands import ask

    with errors_said():
        typer.echo(ask("stop-daemon" if daemon else "stop", name).text)


@app.command()
def pause(name: Name = DEFAULT_NAME) -> None:
    """Pause the analysis, never the camera; frames are counted as dropped(paused)."""
    from stentor.client.commands import ask

    with errors_said():
        typer.echo(ask("pause", name).text)


@app.command()
def resume(name: Name = DEFAULT_NAME) -> None:
    """Resume a paused analysis."""
    from stentor.client.commands import ask

    with errors_said():
        typer.echo(ask("resume", name).text)


@app.command()
def listen(
    name: Name = DEFAULT_NAME,
    once: Annotated[bool, typer.Option("--once", help="End after one result.")] = False,
    record: Annotated[bool, typer.Option("--record", help="Every result once and in order, not the newest.")] = False,
    consumer: Annotated[str | None, typer.Option(help="Name of this consumer, to resume under.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Headers as JSON lines.")] = False,
    timeout_s: Annotated[float | None, typer.Option(help="End after so long without a result.")] = None,
) -> None:
    """Print results as they come."""
    from stentor.client.listener import listen as receive
    from stentor.wire import rendezvous

    options: dict[str, Any] = {"delivery": "record" if record else "control", "name": consumer}
    results = 0
    with errors_said():
        if rendezvous.find(name) is None:
            typer.echo(
                f"waiting for rig {name!r}: none is running; start it with `stentor run`, or give its --name", err=True
            )
        try:
            for result in receive(name, idle_timeout_s=timeout_s, **options):
                results += 1
                typer.echo(msgspec.json.encode(result.header).decode() if as_json else _line(result))
                if once:
                    break
        except KeyboardInterrupt:
            return
    if not results:
        typer.echo(f"no result from rig {name!r}; is `stentor run` running?", err=True)
        raise typer.Exit(int(ExitCode.PUBLISH))


def _line(result: Any) -> str:
    age = "age unknown" if result.age_ms is None else f"{result.age_ms:6.1f} ms old"
    late = "  late" if result.is_late else ""
    return f"{result.frame.frame_id}  {len(result.objects):4d} objects  {age}{late}"


@app.command()
def ledger(
    file: Annotated[
        Path, typer.Argument(help="A ledger.sqlite, its folder, or an experiment's folder or TOML: its newest run.")
    ],
    decisions: Annotated[bool, typer.Option("--decisions", help="What was asked of the microscope instead.")] = False,
) -> None:
    """Print what became of every frame of a run, also while it goes on.

    With --decisions: every request to the microscope, on which frame it rests, what the guard said, how long it
    took.
    """
    from stentor.record.decision_text import cut_off_line, decision_lines
    from stentor.record.decisions import cut_off_ns, read_decisions
    from stentor.record.ledger_reader import LedgerReader
    from stentor.record.ledger_text import ledger_lines
    from stentor.service.session import SQLITE, find_session

    with errors_said():
        session = find_session(file)
        if decisions:
            for line in decision_lines(read_decisions(session.decisions)):
                typer.echo(line)
            if (since_ns := cut_off_ns(session.decisions)) is not None:
                typer.echo(cut_off_line(since_ns))
            return
        reader = LedgerReader(file if file.suffix == SQLITE else session.ledger)
        for line in ledger_lines(reader):
            typer.echo(line)
        reader.close()
