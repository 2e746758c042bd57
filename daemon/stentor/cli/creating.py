"""Creating: the verb that writes the folder of a new experiment."""

from pathlib import Path
from typing import Annotated

import typer

from stentor.cli.application import app, errors_said
from stentor.service.exit_code import ExitCode


@app.command()
def new(
    folder: Annotated[Path | None, typer.Argument(help="Folder to make.", metavar="EXPERIMENT")] = None,
    template: Annotated[str | None, typer.Option(help="What it begins with; without: they are listed.")] = None,
) -> None:
    """Write a commented folder for a new experiment, which runs as it is on the simulated microscope."""
    from stentor.service.experiment import list_templates, write_experiment

    if folder is None or template is None:
        for known in list_templates():
            typer.echo(f"{known.name:<12} {known.what}")
        if folder is None and template is None:
            return
        typer.echo("give both: stentor new EXPERIMENT --template NAME", err=True)
        raise typer.Exit(int(ExitCode.USAGE))
    with errors_said():
        for path in write_experiment(folder, template):
            typer.echo(path)
    typer.echo(f"begin with {folder / 'README.md'}")
