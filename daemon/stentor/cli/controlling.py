"""Controlling: the verbs by which an operator lets controllers act."""

import typer

from stentor.cli.application import Name, app, errors_said
from stentor.service.exit_code import ExitCode
from stentor.wire.rendezvous import DEFAULT_NAME


@app.command()
def arm(name: Name = DEFAULT_NAME) -> None:
    """Let requests of controllers and scripts reach the hardware, within the guard's limits."""
    _ask("arm", name)


@app.command()
def disarm(name: Name = DEFAULT_NAME) -> None:
    """Let no request reach the hardware; the acquisition goes on."""
    _ask("disarm", name)


def _ask(verb: str, name: str) -> None:
    from stentor.client.operator import switch

    with errors_said():
        receipt = switch(name, is_armed=verb == "arm")
        typer.echo(f"rig {name}: {receipt.text or f'{verb}ed'}")
    raise typer.Exit(int(ExitCode.DONE if receipt.is_done else ExitCode.CONFIG))
