"""Small recordings, made with the formats' own libraries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ndstorage import NDTiffDataset

from stentor.scope.replay.recording import RecordedImage


def planes(n: int, dtype: Any = np.uint16) -> np.ndarray:
    return np.repeat(np.arange(n, dtype=dtype), 600).reshape(n, 20, 30)


def numbers(images: list[RecordedImage]) -> list[int]:
    return [int(image.read()[0, 0]) for image in images]


class NdTiffWriter:
    """Writes images into a dataset, as an acquisition does; every pixel is the number of the image."""

    def __init__(self, folder: Path) -> None:
        self._dataset = NDTiffDataset(str(folder), name="made", writable=True, summary_metadata={})
        self._dataset.initialize({})
        self.path = Path(self._dataset.path)
        self.written = 0

    def write(self, axes: dict[str, int | str], **metadata: Any) -> None:
        image = np.full((20, 30), self.written, np.uint16)
        self._dataset.put_image(axes, image, {"ElapsedTime-ms": 100 * self.written, **metadata})
        self._dataset._index_file.flush()
        self.written += 1

    def finish(self) -> None:
        self._dataset.finish()
        self._dataset.close()


@pytest.fixture(name="planes")
def planes_() -> Callable[..., np.ndarray]:
    """Makes n images of 20 x 30 pixels, shape (n, Y, X), each with its own number as every pixel."""
    return planes


@pytest.fixture(name="numbers")
def numbers_() -> Callable[[list[RecordedImage]], list[int]]:
    """Tells the number of the plane that each image was made of."""
    return numbers


@pytest.fixture
def ndtiff(tmp_path: Path) -> NdTiffWriter:
    return NdTiffWriter(tmp_path / "sets")
