"""Command line: verbs only; every one of them is a few lines over a room."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from msgspec import structs

from stentor.core.errors import StentorError
from stentor.service.exit_code import ExitCode, code_for
from stentor.wire.rendezvous import DEFAULT_NAME

app = typer.Typer(
    help="Deep learning on every frame of a running microscope, published as it happens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The models that are installed.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Config = Annotated[Path | None, typer.Argument(help="TOML file; without one, a simulated microscope.", metavar="FILE")]
Name = Annotated[str, typer.Option(help="Name of the rig.")]


def main() -> None:
    """Run the command line; the console script's entry."""
    app()


@contextmanager
def _errors_said() -> Iterator[None]:
    """Print an error of ours as its sentence and leave with its exit code."""
    try:
        yield
    except StentorError as err:
        typer.echo(f"{type(err).__name__}: {err}", err=True)
        raise typer.Exit(int(code_for(err))) from None


@app.command()
def run(
    config: Config = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many live images.")] = None,
    summary: Annotated[Literal["text", "json"], typer.Option(help="Form of the last words.")] = "text",
    name: Annotated[str | None, typer.Option(help="Name of the rig; wins over the file.")] = None,
) -> None:
    """Watch a microscope, analyse every frame, publish the results. Ctrl-C ends it; a second one forces."""
    from stentor.service.configuration import load_settings
    from stentor.service.run import run_rig

    with _errors_said():
        settings = load_settings(config)
        if frames is not None:
            settings = structs.replace(settings, acquisition=structs.replace(settings.acquisition, frames=frames))
        if name is not None:
            settings = structs.replace(settings, name=name)
        code = run_rig(settings, summary=summary)
    raise typer.Exit(int(code))


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(help="A TIFF, an NDTiff dataset, or a folder of PNG or TIFF images.")],
    config: Annotated[Path | None, typer.Option(help="TOML file with the plan, and perhaps a [rig.replay].")] = None,
    pace: Annotated[str | None, typer.Option(help='"as-fast", "recorded", or how many times faster.')] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Images a second; wins over --pace.")] = None,
    lossless: Annotated[bool | None, typer.Option(help="Wait for the analysis; as it is with as-fast.")] = None,
    follow: Annotated[bool | None, typer.Option(help="It is still being written: wait for more.")] = None,
    idle_timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds until a followed one is over.")] = None,
    glob: Annotated[str | None, typer.Option(help='Which files of a folder, such as "*.image.png".')] = None,
    axis: Annotated[str | None, typer.Option(help="What nameless images count: time, position, z or channel.")] = None,
    pixel_size_um: Annotated[float | None, typer.Option(help="Side of a pixel; wins over the recorded one.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many images.")] = None,
    summary: Annotated[Literal["text", "json"], typer.Option(help="Form of the last words.")] = "text",
    name: Annotated[str | None, typer.Option(help="Name of the rig; wins over the file.")] = None,
) -> None:
    """Analyse a recording as if a microscope were taking it; as fast as accepted, every image gets a result."""
    from stentor.service.replay import with_replay
    from stentor.service.run import run_rig

    with _errors_said():
        given = {
            "path": str(path), "pace": pace, "rate_hz": rate, "lossless": lossless, "follow": follow,
            "idle_timeout_s": idle_timeout, "glob": glob, "axis": axis, "pixel_size_um": pixel_size_um,
        }  # fmt: skip
        code = run_rig(with_replay(config, given, frames=frames, name=name), summary=summary)
    raise typer.Exit(int(code))


@app.command()
def check(config: Config = None) -> None:
    """Do what start-up does, except moving hardware and binding ports, and say every fault."""
    from stentor.service.check import check as check_all

    faults = 0
    for what, fault in check_all(config):
        faults += fault is not None
        typer.echo(f"{'ok   ' if fault is None else 'FAULT'} {what}{'' if fault is None else ': ' + fault}")
    raise typer.Exit(int(ExitCode.CONFIG if faults else ExitCode.DONE))


@app.command()
def status(name: Name = DEFAULT_NAME) -> None:
    """Print the state of a running daemon as JSON."""
    from stentor.client.commands import ask

    with _errors_said():
        answer = ask("status", name)
    typer.echo(msgspec.json.format(msgspec.json.encode(answer.status), indent=2).decode())


@app.command()
def stop(
    name: Name = DEFAULT_NAME,
    daemon: Annotated[bool, typer.Option("--daemon", help="End the daemon only; the acquisition goes on.")] = False,
) -> None:
    """End a running acquisition and its daemon, or with --daemon only the latter."""
    from stentor.client.commands import ask

    with _errors_said():
        typer.echo(ask("stop-daemon" if daemon else "stop", name).text)


@app.command()
def pause(name: Name = DEFAULT_NAME) -> None:
    """Pause the analysis, never the camera; frames are counted as dropped(paused)."""
    from stentor.client.commands import ask

    with _errors_said():
        typer.echo(ask("pause", name).text)


@app.command()
def resume(name: Name = DEFAULT_NAME) -> None:
    """Resume a paused analysis."""
    from stentor.client.commands import ask

    with _errors_said():
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

    options: dict[str, Any] = {"delivery": "record" if record else "control", "name": consumer}
    results = 0
    with _errors_said():
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
def ledger(file: Annotated[Path, typer.Argument(help="A ledger.sqlite, or the folder that holds it.")]) -> None:
    """Print what became of every frame of a run, also while it goes on."""
    from stentor.record.ledger_reader import LedgerReader
    from stentor.record.ledger_text import ledger_lines

    with _errors_said():
        reader = LedgerReader(file / "ledger.sqlite" if file.is_dir() else file)
        for line in ledger_lines(reader):
            typer.echo(line)
        reader.close()


@models_app.command("list")
def models_list() -> None:
    """Print the installed models with where they lie."""
    from stentor.inference.repository import list_models

    with _errors_said():
        for folder in list_models():
            card = folder.card
            typer.echo(f"{card.identity:24} {card.task:24} {card.licence:14} {folder.path}")
            typer.echo(f"    {card.description}")
            typer.echo(f"    reads: {', '.join(card.channels)}")
            if card.unfit_for:
                typer.echo(f"    not for: {card.unfit_for}")


@models_app.command("verify")
def models_verify(
    name: Annotated[str, typer.Argument(help='"nuclei", "nuclei@1", or a folder.')],
    device: Annotated[Literal["auto", "cpu", "cuda", "tensorrt"], typer.Option(help="Where to run it.")] = "auto",
) -> None:
    """Run a model's own test image here, and compare with what it gave when it was made."""
    from stentor.inference.verify import verify_model

    with _errors_said():
        found = verify_model(name, device)
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
    """Make somebody else's network a model of ours. Needs `stentor[adopt]`."""
    from stentor.train.adopt.command import import_model, write_template

    with _errors_said():
        if template is not None:
            typer.echo(write_template(model, template))
            return
        for line in import_model(model, card=card, out=out, image=image):
            typer.echo(line)


@models_app.command("bench")
def models_bench(
    name: Annotated[str, typer.Argument(help='"nuclei", "nuclei@1", or a folder.')],
    on: Annotated[Path, typer.Option(help="Folder with the labelled sets.")],
    part: Annotated[Literal["validation", "test", "train"], typer.Option(help="Side of the split.")] = "validation",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
) -> None:
    """Measure a model's accuracy on labelled images."""
    from stentor.train.bench import bench_model
    from stentor.train.split import Part

    with _errors_said():
        for row in bench_model(name, on, Part(part)):
            # What was taken for what is for programs; the report shows it as a table.
            told = {name: value for name, value in row.measures.items() if not name.startswith("true_")}
            measures = "  ".join(f"{name} {value:.3f}" for name, value in told.items())
            typer.echo(
                msgspec.json.encode(row).decode() if as_json else f"{row.data:24} n = {row.images:<5d} {measures}"
            )


@app.command()
def train(
    what: Annotated[
        str, typer.Argument(help="nuclei, cell-cycle, cell-cycle-label-free, micronuclei, denoise or virtual-dna.")
    ],
    data: Annotated[Path | None, typer.Option(help="Folder with the labelled sets; nothing is written there.")] = None,
    on: Annotated[Path | None, typer.Option(help="Your own folder: NAME.image.png beside NAME.labels.png.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the model, ending in its version: nuclei/3.")] = None,
    base: Annotated[str, typer.Option("--from", help="With --on: the model to begin with.")] = "nuclei",
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; without: the recipe's own.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes at the latest.")] = None,
) -> None:
    """Train a model from the beginning (--data), or teach one your own images (--on). Needs `stentor[train]`.

    Cut off, it continues from its checkpoint when called again.
    """
    from stentor.service.logs import set_up_logs
    from stentor.train.command import fine_tune
    from stentor.train.command import train as train_model

    if (data is None) == (on is None):
        raise typer.BadParameter("give either --data, to train from the beginning, or --on, to teach your own images")
    set_up_logs(None, to_stderr=True)
    with _errors_said():
        if on is not None:
            target = out or Path(f"{what}-{on.resolve().name}") / "1"
            typer.echo(fine_tune(what, str(on), str(target), base=base, steps=steps, minutes=minutes))
        else:
            target = out or Path(what) / "1"
            typer.echo(train_model(what, str(data), str(target), steps=steps, minutes=minutes))


if __name__ == "__main__":
    main()
