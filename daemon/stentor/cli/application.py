"""Application: the command line itself, and what its verbs share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from stentor.core.errors import StentorError
from stentor.service.exit_code import code_for

app = typer.Typer(
    help="Deep learning on every frame of a running microscope, published as it happens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The models that are installed.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Config = Annotated[
    Path | None,
    typer.Argument(help="TOML file, or an experiment's folder; without, a simulated microscope.", metavar="FILE"),
]
Name = Annotated[str, typer.Option(help="Name of the rig.")]


@contextmanager
def errors_said() -> Iterator[None]:
    """Print an error of ours as its sentence and leave with its exit code."""
    try:
        yield
    except StentorError as err:
        typer.echo(f"{type(err).__name__}: {err}", err=True)
        raise typer.Exit(int(code_for(err))) from None
