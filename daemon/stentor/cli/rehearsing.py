"""Rehearsing: the verb that runs an experiment on the living specimen before it touches cells."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from stentor.cli.application import app, errors_said

if TYPE_CHECKING:
    from stentor.rehearsal.performance import Performance
    from stentor.rehearsal.rehearsal import Rehearsal
    from stentor.rehearsal.score import Score

INTERRUPTED: Final = 130
"""Exit code, as shells give it."""


@app.command()
def rehearse(
    config: Annotated[Path, typer.Argument(help="The experiment's folder, or its TOML file.", metavar="FILE")],
    hours: Annotated[float, typer.Option(min=0.001, help="How much of the microscope's time.")] = 12.0,
    every: Annotated[
        float | None,
        typer.Option(min=0.01, help="Seconds between images wanted then; else the fastest asked."),
    ] = None,
    window: Annotated[float, typer.Option(min=1.0, help="Seconds after a division that matter.")] = 600.0,
    baseline: Annotated[bool, typer.Option(help="Also image constantly at the wanted interval.")] = True,
    picture: Annotated[Path | None, typer.Option(help="Write a PNG of what happened when.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The scores as JSON.")] = False,
) -> None:
    """Run an experiment on the simulated microscope, waits skipped, and score it against what truly happened."""
    from stentor.rehearsal.picture import draw, write_picture
    from stentor.rehearsal.rehearsal import Rehearsal, at_interval
    from stentor.rehearsal.score import fastest_interval_s, score_of
    from stentor.service.configuration import load_settings

    with errors_said():
        settings = load_settings(config)
        rehearsal = Rehearsal(settings, duration_s=hours * 3600, on_progress=_say)
        with _interruptible(rehearsal):
            performance = rehearsal.run()
        is_cut = rehearsal.is_stopped
        wanted_s = every or fastest_interval_s(performance, settings.acquisition.rate_hz)
        scores = {"rehearsal": score_of(performance, wanted_s=wanted_s, window_s=window)}
        constant = None
        if baseline and not is_cut:
            # As long as the rehearsal lasted, which may have ended itself.
            duration_s = min(hours * 3600, performance.duration_s + wanted_s)
            fixed = Rehearsal(
                at_interval(settings, wanted_s), duration_s=duration_s, is_watched=False, on_progress=_say
            )
            with _interruptible(fixed):
                constant = fixed.run()
            scores["baseline"] = score_of(constant, wanted_s=wanted_s, window_s=window)
            is_cut = fixed.is_stopped
        if picture is not None:
            write_picture(picture, draw(performance, scores["rehearsal"], constant))
    typer.echo(msgspec.json.format(msgspec.json.encode(scores)).decode() if as_json else in_words(scores, performance))
    if is_cut:
        typer.echo(f"\ninterrupted: what {' and '.join(scores)} had come to by then", err=True)
        raise typer.Exit(INTERRUPTED)


@contextmanager
def _interruptible(rehearsal: "Rehearsal") -> Iterator[None]:
    """End a rehearsal at Ctrl-C after its image, not amid the microscope's threads; a second Ctrl-C ends it at once."""
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler

    def stop(number: int, frame: FrameType | None) -> None:
        rehearsal.stop()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _say(share: float) -> None:
    typer.echo(f"\r{100 * share:3.0f} %", nl=share >= 1, err=True)


def in_words(scores: "dict[str, Score]", performance: "Performance") -> str:
    """Return the scores as a table, without rows that have nothing to tell of this experiment, and what was refused."""
    columns = [_told(score, performance) for score in scores.values()]
    rows = [("", *scores)]
    rows += [
        (name, *(column[name] or "none" for column in columns))
        for name in columns[0]
        if any(column[name] is not None for column in columns)
    ]
    table = [f"{row[0]:<34}" + "".join(f"{cell:>16}" for cell in row[1:]) for row in rows]
    refusals = next(iter(scores.values())).refusals
    return "\n".join([*table, *(f"{one.count} x {reason}: {one.example}" for reason, one in refusals.items())])


def _told(score: "Score", performance: "Performance") -> dict[str, str | None]:
    """Name every figure of a score in words, with its unit; None: there is nothing to tell."""
    decided = None if score.decide_p50_ms is None else f"{score.decide_p50_ms:.0f} / {score.decide_p99_ms:.0f} ms"
    on_target = score.on_target if performance.is_about_a_target else None
    return {
        "divisions caught": f"{score.caught} of {score.divisions}",
        "around it, image to image": None if score.onset_s is None else f"{score.onset_s:.0f} s",
        "images": f"{score.images}",
        "light, exposures": f"{score.lit_s:.1f} s",
        "light, mean per nucleus": f"{score.light_s:.1f} s",
        "exposure end to request, p50 / p99": decided,
        "requests done / refused / failed": f"{score.done} / {score.refused} / {score.failed_actions}",
        "images on target": None if on_target is None else f"{100 * on_target:.0f} %",
        "nuclei stimulated": f"{score.stimulated}" if performance.is_about_stimulation else None,
        "images without a result": f"{score.failed}",
        "results without a decision": f"{score.undecided}",
        "hours": f"{score.duration_h:.2f}",
    }
