"""Models: the verbs that list, check, measure, import and train models."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from stentor.cli.application import app, errors_said, models_app
from stentor.service.exit_code import ExitCode


@models_app.command("list")
def models_list() -> None:
    """Print the installed models with where they lie."""
    from stentor.inference.repository import list_models

    with errors_said():
        for folder in list_models():
            card = folder.card
            typer.echo(f"{card.identity:24} {card.task:24} {card.licence:14} {folder.path}")
            typer.echo(f"    {card.description}")
            typer.echo(f"    reads: {', '.join(card.channels)}")
            if card.unfit_for:
                typer.echo(f"    not for: {card.unfit_for}")


@models_app.command("verify")
def models_verify(
    name: Annotated[str, typer.Argument(help='"nuclei", "nuclei@3", or a folder.')],
    device: Annotated[Literal["auto", "cpu", "cuda", "tensorrt"], typer.Option(help="Where to run it.")] = "auto",
    precision: Annotated[Literal["auto", "float32", "int8"], typer.Option(help="Which of its weights.")] = "auto",
) -> None:
    """Run a model's own test image here, and compare with what it gave when it was made."""
    from stentor.inference.verify import verify_model

    with errors_said():
        found = verify_model(name, device, precision)
    typer.echo(
        f"{'ok' if found.is_well else 'DIFFERS'}: {found.model.name} ({found.model.hash[:12]}) "
        f"on {found.model.provider}: {found.found} found, {found.expected} expected; "
        f"difference {found.difference:.2g}, {found.tolerance:g} allowed"
    )
    raise typer.Exit(int(ExitCode.DONE if found.is_well else ExitCode.MODEL))


@models_app.command("import")
def models_import(
    model: Annotated[Path, typer.Argument(help="An ONNX file, or a bioimage.io description (.yaml).")],
    card: Annotated[Path | None, typer.Option(help="Completed template.")] = None,
    template: Annotated[Path | None, typer.Option(help="Write a template here instead, to be completed.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder, ending in the version: yeast/1.")] = None,
    image: Annotated[Path | None, typer.Option(help="Image for its test case; without: drawn nuclei.")] = None,
) -> None:
    """Make somebody else's network a model of ours. Needs the extra "adopt"."""
    from stentor.train.adopt.command import import_model, write_template

    with errors_said():
        if template is not None:
            typer.echo(write_template(model, template))
            return
        for line in import_model(model, card=card, out=out, image=image):
            typer.echo(line)


@models_app.command("bench")
def models_bench(
    name: Annotated[str, typer.Argument(help='"nuclei", "nuclei@3", or a folder.')],
    on: Annotated[Path, typer.Option(help="Folder with the labelled sets.")],
    part: Annotated[Literal["validation", "test", "train"], typer.Option(help="Side of the split.")] = "validation",
    precision: Annotated[Literal["auto", "float32", "int8"], typer.Option(help="Which of its weights.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
) -> None:
    """Measure a model's accuracy on labelled images."""
    from stentor.train.bench import bench_model
    from stentor.train.split import Part

    with errors_said():
        for row in bench_model(name, on, Part(part), precision=precision):
            # What was taken for what is for programs; the report shows it as a table.
            told = {name: value for name, value in row.measures.items() if not name.startswith("true_")}
            measures = "  ".join(f"{name} {value:.3f}" for name, value in told.items())
            typer.echo(
                msgspec.json.encode(row).decode()
                if as_json
                else f"{row.data:24} n = {row.images:<5d} {measures}  ({row.precision})"
            )


@app.command()
def train(
    what: Annotated[
        str, typer.Argument(help="nuclei, cell-cycle, cell-cycle-label-free, micronuclei, denoise or virtual-dna.")
    ],
    data: Annotated[Path | None, typer.Option(help="Folder with the labelled sets; nothing is written there.")] = None,
    on: Annotated[Path | None, typer.Option(help="Your own folder: NAME.image.png beside NAME.labels.png.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the model, ending in its version: nuclei/4.")] = None,
    base: Annotated[str, typer.Option("--from", help="With --on: the model to begin with.")] = "nuclei",
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; without: the recipe's own.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes at the latest.")] = None,
) -> None:
    """Train a model from the beginning (--data), or teach one your own images (--on). Needs the extra "train".

    Cut off, it continues from its checkpoint when called again.
    """
    from stentor.service.logs import set_up_logs
    from stentor.train.command import fine_tune
    from stentor.train.command import train as train_model

    if (data is None) == (on is None):
        raise typer.BadParameter("give either --data, to train from the beginning, or --on, to teach your own images")
    set_up_logs(None, to_stderr=True)
    with errors_said():
        if on is not None:
            target = out or Path(f"{what}-{on.resolve().name}") / "1"
            typer.echo(fine_tune(what, str(on), str(target), base=base, steps=steps, minutes=minutes))
        else:
            target = out or Path(what) / "1"
            typer.echo(train_model(what, str(data), str(target), steps=steps, minutes=minutes))
