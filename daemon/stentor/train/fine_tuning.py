"""Fine-tuning: a shipped nuclei model taught a few images of one's own."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import structs

from stentor.core.errors import ConfigError
from stentor.inference.card import SegmentationCard
from stentor.inference.repository import find_model
from stentor.train.bundle import add_int8, state_accuracy, write_bundle
from stentor.train.card_file import store_card
from stentor.train.evaluate import Score, accuracy_rows, evaluate
from stentor.train.fit import Fit
from stentor.train.nuclei_data import load_own
from stentor.train.settings import LabelledSet, TrainSettings
from stentor.train.shipped_weights import read_network
from stentor.train.split import Part

logger = logging.getLogger(__name__)

STEPS: Final = 600
LEARNING_RATE: Final = 5e-4
"""An eighth of that of a whole training: what is known of other nuclei must not be forgotten."""


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A new model folder, with the accuracy on the images held back, before and after; None: none were."""

    folder: Path
    before: Score | None
    after: Score | None


def fine_tune(settings: TrainSettings, *, base: str = "nuclei") -> FineTuned:
    """Teach a shipped model the images of `settings.data`; every fifth is held back to see whether it helped.

    Parameters
    ----------
    settings
        With `data` a folder of NAME.image.png beside NAME.labels.png (or .tif), and `out` as in a training.
    base
        The model to begin with; it stays as it is.

    Raises
    ------
    ConfigError
        If the folder holds no such images, or none with objects.
    ModelError
        If the base model is not a nuclei network.
    """
    start = find_model(base)
    if not isinstance(start.card, SegmentationCard):
        raise ConfigError(f"--from {base}: is a model for {start.card.task}; choose one that segments")
    data = Path(settings.data).resolve()
    specimens = load_own(data, split=True)
    if not any(s.part is Part.TRAIN and s.objects.mean_diameter_px > 0 for s in specimens):
        raise ConfigError(f"{data}: none of its images to learn from has a labelled object; label some")
    group = LabelledSet(data.name, 1.0, f"images of the folder {data.name}; nobody but their owner knows their licence")
    settings = structs.replace(settings, sets=(group,), learning_rate=LEARNING_RATE)
    fit = Fit(settings, specimens, read_network(start.verified_weights()))
    logger.info(
        "%d images, of which %d are held back", len(specimens), sum(s.part is not Part.TRAIN for s in specimens)
    )
    out = Path(settings.out)
    folder = write_bundle(fit.run(), settings, specimens, version=int(out.name))
    card = structs.replace(
        folder.card,
        name=out.parent.name,
        description=f"{start.card.description} Fine-tuned from {start.card.identity} on images of one's own.",
        training=(*start.card.training, *folder.card.training),
        post_processing=start.card.post_processing,
    )
    folder = store_card(card, out)
    before, after = (evaluate(which, specimens, Part.VALIDATION) for which in (start, folder))
    folder = state_accuracy(folder, accuracy_rows(after[:1], str(out)))
    add_int8(folder, settings, specimens, after[:1], str(out))
    return FineTuned(out, before[0] if before else None, after[0] if after else None)
