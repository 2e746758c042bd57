"""Scale: how much to enlarge an image so that its objects are as large as those the network was trained on."""

import logging
from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stentor.inference.card import SegmentationCard
from stentor.inference.settings import InferenceSettings

logger = logging.getLogger(__name__)

LEAST_OBJECTS: Final = 5
"""Fewer say too little about the size of the others."""

GOOD_ENOUGH: Final = 1.3
"""Labels found at a scale within this factor of the ideal one stand: the network was trained with a jitter of 1.5."""

SMALLEST: Final = 0.25
LARGEST: Final = 4.0
LIVE_FRAMES: Final = 3


class ScaleKeeper:
    """Knows the scale, or learns it from what the network finds; owned by one model.

    With `rescale = "live"` the first `LIVE_FRAMES` frames that show enough objects are analysed up to twice, and what
    would have been ideal for them is the scale from then on; with "each" every image may be analysed up to three times;
    with "never" once, as it is.
    """

    def __init__(self, card: SegmentationCard, settings: InferenceSettings) -> None:
        self._wanted_px = card.object_diameter_px
        self._typical_um = card.object_diameter_um
        self._settings = settings
        self._learned: deque[float] = deque(maxlen=LIVE_FRAMES)
        self._seen: NDArray[np.int32] = np.zeros((0, 0), np.int32)

    def first_guess(self, pixel_size_um: float | None) -> float:
        """Return the scale to begin with."""
        settings = self._settings
        if settings.object_diameter_px is not None:
            return _clip(self._wanted_px / settings.object_diameter_px)
        if settings.rescale == "never":
            return 1.0
        if settings.rescale == "live" and len(self._learned) == LIVE_FRAMES:
            ideal = float(np.median(self._learned))
            return 1.0 if _rounded(ideal) == 1.0 else ideal
        if pixel_size_um and self._typical_um is not None:
            return _rounded(_clip(self._wanted_px * pixel_size_um / self._typical_um))
        return 1.0

    def corrections(self, scale: float, labels_yx: NDArray[np.int32], shape_yx: tuple[int, ...]) -> Iterator[float]:
        """Yield better scales to try, one at a time; tell what each found with `saw` before asking for the next."""
        settings = self._settings
        if settings.object_diameter_px is not None or settings.rescale == "never":
            return
        is_live = settings.rescale == "live"
        if is_live and len(self._learned) == LIVE_FRAMES:
            return
        self._seen = labels_yx
        for _ in range(1 if is_live else 2):
            ideal = self._ideal()
            if ideal is None:
                return
            if max(ideal / scale, scale / ideal) < GOOD_ENOUGH:
                self._learn(ideal)
                return
            scale = _rounded(ideal)
            yield scale
        if (ideal := self._ideal()) is not None and max(ideal / scale, scale / ideal) < GOOD_ENOUGH:
            self._learn(ideal)

    def saw(self, labels_yx: NDArray[np.int32]) -> None:
        """Take what the scale yielded last has found."""
        self._seen = labels_yx

    def _ideal(self) -> float | None:
        areas = np.bincount(self._seen.ravel())[1:]
        areas = areas[areas > 0]
        if areas.size < LEAST_OBJECTS:
            return None
        diameter_px = float(np.sqrt(4 * np.median(areas) / np.pi))
        return _clip(self._wanted_px / diameter_px)

    def _learn(self, ideal: float) -> None:
        self._learned.append(ideal)
        if self._settings.rescale == "live" and len(self._learned) == LIVE_FRAMES:
            logger.info(
                "images are resampled to %.2f of their size for the model from now on", float(np.median(self._learned))
            )


def _clip(scale: float) -> float:
    return min(max(scale, SMALLEST), LARGEST)


def _rounded(scale: float) -> float:
    """Return the scale in steps of 5 %, so that a few shapes of buffers serve many images."""
    return float(1.05 ** round(np.log(scale) / np.log(1.05)))
