"""Speed: how long a model takes for one image on this machine's CPU, step by step."""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from stentor.inference.card import SegmentationCard
from stentor.inference.normalise import compress
from stentor.inference.postprocess import post_processor
from stentor.inference.repository import ModelFolder
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.session import Session
from stentor.inference.settings import InferenceSettings, Precision
from stentor.train.synthetic import draw_field

SHAPES: Final = ((512, 512), (1024, 1024))
PX_PER_NUCLEUS: Final = 4096
"""A field that is about as full as a growing monolayer: 64 nuclei at 512 x 512."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One step on images of one shape; "whole call" holds the others and the measurement of the objects."""

    shape_yx: tuple[int, int]
    nuclei: int
    precision: Precision
    step: str
    median_ms: float
    p99_ms: float


def time_model(
    folder: ModelFolder,
    *,
    shapes: Sequence[tuple[int, int]] = SHAPES,
    runs: int = 50,
    threads: int = 2,
    precision: Precision = "float32",
) -> list[Timing]:
    """Time every step on drawn uint16 fields, on the CPU, one pass, after a warm-up.

    `threads` is what network and OpenCV may take; it stays set for OpenCV.
    """
    cv2.setNumThreads(threads)
    settings = InferenceSettings(device="cpu", rescale="never", intra_op_threads=threads, precision=precision)
    card = folder.card
    assert isinstance(card, SegmentationCard)
    model = SegmentationModel(folder, card, settings)
    session = Session(folder, len(card.outputs), settings)
    post_process = post_processor(card.post_processing.name, card.post_processing.parameters)
    rows: list[Timing] = []
    for shape in shapes:
        nuclei = shape[0] * shape[1] // PX_PER_NUCLEUS
        image = draw_field(shape, nuclei).image_yx
        buffers = session.buffers(shape)
        compress(model.normalise(image), out=buffers.input_nchw[0, 0])
        maps_cyx = session.run(buffers)[0]
        steps: dict[str, Callable[[], Any]] = {
            "normalisation": lambda image=image: model.normalise(image),  # type: ignore[misc]
            "network": lambda buffers=buffers: session.run(buffers),  # type: ignore[misc]
            "post-processing": lambda maps_cyx=maps_cyx: post_process(maps_cyx),  # type: ignore[misc]
            "whole call": lambda image=image: model(image),  # type: ignore[misc]
        }
        rows += [Timing(shape, nuclei, precision, name, *_timed(step, runs)) for name, step in steps.items()]
    return rows


def processor() -> str:
    """Name this machine's processor as its maker does, or by its architecture where the system does not tell."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _timed(step: Callable[[], Any], runs: int) -> tuple[float, float]:
    """Return median and 99th percentile in milliseconds, after two calls that do not count."""
    spent_ms = []
    for run in range(runs + 2):
        begun = time.perf_counter()
        step()
        if run > 1:
            spent_ms.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(spent_ms)), float(np.percentile(spent_ms, 99))
