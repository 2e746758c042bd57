"""Running: the verbs that start a rig, or look whether it could start."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec import structs

from stentor.cli.application import Config, app, errors_said
from stentor.service.exit_code import ExitCode


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

    with errors_said():
        settings = load_settings(config)
        if frames is not None:
            settings = structs.replace(settings, acquisition=structs.replace(settings.acquisition, frames=frames))
        if name is not None:
            settings = structs.replace(settings, name=name)
        code = run_rig(settings, summary=summary)
    raise typer.Exit(int(code))


@app.command()
def replay(
    path: Annotated[
        Path,
        typer.Argument(
            help="A TIFF, an NDTiff dataset, a folder of images; with --controller, a session or an experiment."
        ),
    ],
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
    controller: Annotated[str | None, typer.Option(help="Ask this one again on what it saw in a session.")] = None,
) -> None:
    """Analyse a recording as if a microscope were taking it; as fast as accepted, every image gets a result.

    With --controller: show a controller of a session, perhaps changed since (--config), what it saw then, and print
    where it decides otherwise.
    """
    if controller is not None:
        from stentor.rehearsal.reconsider import reconsider
        from stentor.service.configuration import load_settings

        with errors_said():
            for line in reconsider(path, controller, None if config is None else load_settings(config)):
                typer.echo(line)
        return
    from stentor.service.replay import with_replay
    from stentor.service.run import run_rig

    with errors_said():
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
