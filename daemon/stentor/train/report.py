"""Report: what was trained, how well it does, how fast it is, and what else was tried, written as REPORT.md."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import cv2
from msgspec import structs

from stentor.inference.card import PostProcessing, SegmentationCard
from stentor.inference.model import open_model
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings, Rescale
from stentor.train.evaluate import evaluate
from stentor.train.nuclei_data import Specimen
from stentor.train.pictures import outline_sheet
from stentor.train.settings import TrainSettings
from stentor.train.speed import processor, time_model
from stentor.train.split import Part

TIMED_RUNS: Final = 50
THREADS: Final = 2
PICTURE: Final = "outlines.jpg"

VARIANTS: Final[tuple[tuple[str, str | None, dict[str, float], Rescale], ...]] = (
    ("as shipped", None, {}, "each"),
    ("images taken as they are, no rescaling", None, {}, "never"),
    ("foreground above 0.5", None, {"foreground": 0.5}, "each"),
    ("foreground above 0.7", None, {"foreground": 0.7}, "each"),
    ("centre above 0.4", None, {"centre": 0.4}, "each"),
    ("centre above 0.7", None, {"centre": 0.7}, "each"),
    ("no relative size cut", None, {"least_share_of_median": 0.0}, "each"),
    ("size cut at a fifth of the median", None, {"least_share_of_median": 0.2}, "each"),
    ("votes reach 6 px", None, {"reach_px": 6.0}, "each"),
    ("plain components, nothing split", "threshold-components",
     {"foreground": 0.6, "least_area_px": 10.0, "least_share_of_median": 0.1}, "each"),
)  # fmt: skip
"""What is compared on the validation side: title, other post-processor, changed parameters, rescaling."""


def write_report(
    folder: ModelFolder,
    settings: TrainSettings,
    history: list[tuple[int, float, float]],
    spent_s: float,
    specimens: list[Specimen],
) -> None:
    """Measure what is not in the card yet and write REPORT.md beside it.

    Parameters
    ----------
    history
        Rows (step, loss of training crops, loss of fixed validation crops).
    spent_s
        Seconds of training.
    """
    parts = (
        [f"# {folder.card.identity}", "", folder.card.description, ""],
        _data(specimens),
        _training(settings, history, spent_s),
        _accuracy(folder),
        _variants(folder, specimens),
        _speed(folder),
        _pictures(folder, specimens),
    )
    text = "\n".join(line for part in parts for line in part)
    (folder.path / "REPORT.md").write_text(text + "\n", encoding="utf-8")


def _data(specimens: list[Specimen]) -> Iterator[str]:
    counts = Counter((specimen.set_name, specimen.part) for specimen in specimens)
    yield from ("## Data", "", "| set | train | validation | test |", "| --- | --- | --- | --- |")
    for name in dict.fromkeys(specimen.set_name for specimen in specimens):
        yield f"| {name} | " + " | ".join(str(counts[name, part]) for part in Part) + " |"
    yield from ("", "Split by a hash of the field's name; crops whose edges continue each other are one field.", "")


def _training(settings: TrainSettings, history: list[tuple[int, float, float]], spent_s: float) -> Iterator[str]:
    precision = "bfloat16" if settings.bfloat16 else "float32"
    yield from ("## Training", "")
    yield (
        f"{history[-1][0] if history else 0} steps of {settings.batch} crops of {settings.crop_px} px in "
        f"{spent_s / 60:.0f} minutes on {settings.threads} CPU threads ({precision} convolutions), AdamW "
        f"{settings.learning_rate:g} with one cosine, seed {settings.seed}; mean object diameter "
        f"{settings.object_diameter_px:g} px, varied by {settings.scale_jitter:g}."
    )
    yield from ("", "| step | loss, training crops | loss, fixed validation crops |", "| --- | --- | --- |")
    for step, loss, watched in [*history[:: max(1, len(history) // 10)], *history[-1:]]:
        yield f"| {step} | {loss:.4f} | {watched:.4f} |"
    yield ""


def _accuracy(folder: ModelFolder) -> Iterator[str]:
    yield from ("## Accuracy", "", "Average precision TP / (TP + FP + FN), mean over images, through the shipped path.")
    yield from ("", "| weights | side | set | images | IoU 0.5 | 0.75 | 0.9 |")
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    card = folder.card
    rows = [("float32", row) for row in card.accuracy]
    rows += [("int8", row) for row in (() if card.int8 is None else card.int8.accuracy)]
    for precision, row in rows:
        measured = " | ".join(f"{row.measures[name]:.3f}" for name in ("ap_50", "ap_75", "ap_90"))
        yield f"| {precision} | {row.part} | {row.data} | {row.images} | {measured} |"
    yield ""


def _variants(folder: ModelFolder, specimens: list[Specimen]) -> Iterator[str]:
    yield from ("## What else was tried", "", "The same weights on the validation side, all sets together.")
    yield from ("", "| variant | IoU 0.5 | 0.75 | 0.9 |", "| --- | --- | --- | --- |")
    assert isinstance(folder.card, SegmentationCard)
    shipped = folder.card.post_processing
    for title, name, changes, rescale in VARIANTS:
        post = (
            PostProcessing(name=name, parameters=changes)
            if name
            else PostProcessing(name=shipped.name, parameters={**shipped.parameters, **changes})
        )
        varied = ModelFolder(folder.path, structs.replace(folder.card, post_processing=post))
        scores = evaluate(varied, specimens, Part.VALIDATION, rescale=rescale)
        if scores:
            yield f"| {title} | " + " | ".join(f"{value:.3f}" for value in scores[-1].precision) + " |"
    yield ""


def _pictures(folder: ModelFolder, specimens: list[Specimen]) -> Iterator[str]:
    watched = [specimen for specimen in specimens if specimen.part is Part.VALIDATION]
    if not watched:
        return
    model = open_model(folder, InferenceSettings(device="cpu", precision="float32"))
    cv2.imwrite(str(folder.path / PICTURE), outline_sheet(model, watched), [cv2.IMWRITE_JPEG_QUALITY, 80])
    yield from ("", "## Pictures", "", f"![the worst to the best]({PICTURE})", "")
    yield (
        "Images of the validation side from the worst to the best, with their average precision at IoU 0.5. Red is "
        "found; cyan is true and shows where the two differ."
    )  # fmt: skip


def _speed(folder: ModelFolder) -> Iterator[str]:
    rows = [
        row
        for precision in folder.card.precisions
        for row in time_model(folder, runs=TIMED_RUNS, threads=THREADS, precision=precision)
    ]
    yield from ("## Speed", "")
    yield (
        f"{processor()}, {THREADS} threads, CPUExecutionProvider, uint16 in, labels and table out, one pass, "
        f"n = {TIMED_RUNS}; `python tests/benchmarks/bench_nuclei.py` measures it again."
    )
    yield from ("", "| shape | nuclei | weights | step | median ms | p99 ms |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        size = " x ".join(map(str, row.shape_yx))
        yield f"| {size} | {row.nuclei} | {row.precision} | {row.step} | {row.median_ms:.1f} | {row.p99_ms:.1f} |"
