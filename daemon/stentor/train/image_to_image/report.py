"""Report: how well an image-to-image model does beside simpler methods, written as REPORT.md with a picture."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.card import ImageCard
from stentor.inference.image_to_image import ImageModel
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.train.image_to_image.recipes import ImageRecipe
from stentor.train.image_to_image.settings import ImageSettings
from stentor.train.speed import processor

PICTURE: Final = "images.jpg"
TILE_PX: Final = 160
THREADS: Final = 2
TIMED_RUNS: Final = 30


def write_image_report(
    folder: ModelFolder,
    recipe: ImageRecipe,
    settings: ImageSettings,
    loaded: Any,
    history: Sequence[tuple[int, float, float]],
    spent_s: float,
) -> None:
    """Write REPORT.md and a picture of the test side beside the card."""
    card = folder.card
    assert isinstance(card, ImageCard)
    model = ImageModel(folder, card, InferenceSettings(device="cpu", intra_op_threads=THREADS))
    rows = [np.hstack([_tile(image, row) for image in row]) for row in recipe.pictures(model, loaded)]
    cv2.imwrite(str(folder.path / PICTURE), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])
    lines = [
        *(f"# {card.identity}", "", card.description, "", f"**Not for:** {card.unfit_for}", ""),
        *_training(settings, history, spent_s, card),
        *_accuracy(card),
        *_speed(model),
        *(f"## Images of the test side: {', '.join(recipe.picture_titles)}", "", f"![images]({PICTURE})", ""),
        "Each row on the scale of its truth.",
    ]
    (folder.path / "REPORT.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _training(
    settings: ImageSettings, history: Sequence[tuple[int, float, float]], spent_s: float, card: ImageCard
) -> Iterator[str]:
    learned = ", ".join(row.name for row in card.training)
    yield from ("## Training", "")
    yield (
        f"{history[-1][0] if history else 0} steps of {settings.batch} examples from {learned} "
        f"({card.training[0].images} on the training side) in {spent_s / 60:.0f} minutes on {settings.threads} CPU "
        f"threads; AdamW {settings.learning_rate:g}, one cosine, seed {settings.seed}; the loss is minus the mean PSNR."
    )  # fmt: skip
    yield from ("", "| step | training, PSNR dB | validation, PSNR dB |", "| --- | --- | --- |")
    for step, loss, watched in [*history[:: max(1, len(history) // 8)], *history[-1:]]:
        yield f"| {step} | {-10 * loss:.2f} | {-10 * watched:.2f} |"
    yield ""


def _accuracy(card: ImageCard) -> Iterator[str]:
    yield from ("## Accuracy", "", f"Through the shipped path. {card.accuracy[0].data}.", "")
    yield f"| measure | {' | '.join(f'{row.part} (n = {row.images})' for row in card.accuracy)} |"
    yield "| --- " * (1 + len(card.accuracy)) + "|"
    for name in card.accuracy[0].measures:
        yield f"| {name} | {' | '.join(f'{row.measures[name]:.3f}' for row in card.accuracy)} |"
    yield from ("", "Baselines carry their names; their parameters were tuned on the validation side.", "")


def _speed(model: ImageModel) -> Iterator[str]:
    yield from (
        "## Speed",
        "",
        f"{processor()}, {THREADS} threads, CPUExecutionProvider, uint16 in, n = {TIMED_RUNS}.",
        "",
    )
    yield from ("| shape | median ms | p99 ms |", "| --- | --- | --- |")
    rng = np.random.default_rng(0)
    for side in (256, 512, 1024):
        planes = list(rng.poisson(100, (len(model.card.channels), side, side)).astype(np.uint16))
        spent_ms = []
        for _ in range(TIMED_RUNS + 2):
            begun = time.perf_counter()
            model.predict(planes)
            spent_ms.append(1e3 * (time.perf_counter() - begun))
        yield f"| {side} x {side} | {np.median(spent_ms[2:]):.1f} | {np.percentile(spent_ms[2:], 99):.1f} |"
    yield ""


def _tile(image_yx: NDArray[np.float32], row: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return an image on the scale of the truth, the last of its row; one of another kind on its own."""
    truth = row[-1]
    own = abs(float(np.median(image_yx)) - float(np.median(truth))) > 3 * float(np.ptp(truth))
    low, high = np.percentile(image_yx if own else truth, (0.5, 99.8))
    grey = np.clip((image_yx - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(grey, (TILE_PX, TILE_PX), interpolation=cv2.INTER_NEAREST), np.uint8)
