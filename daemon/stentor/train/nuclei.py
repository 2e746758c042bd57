"""Nuclei: the whole way from labelled folders to a finished model folder, as `stentor train nuclei` goes it."""

import logging
from pathlib import Path

from stentor.core.errors import ConfigError
from stentor.train.bundle import add_int8, state_accuracy, write_bundle
from stentor.train.evaluate import accuracy_rows, evaluate
from stentor.train.fit import Fit
from stentor.train.nuclei_data import load_specimens
from stentor.train.report import write_report
from stentor.train.settings import TrainSettings
from stentor.train.split import Part

logger = logging.getLogger(__name__)


def train_nuclei(settings: TrainSettings) -> Path:
    """Train, export, measure and write a model folder: weights, card, test case, report.

    Interrupted, it continues from the checkpoint in `settings.scratch` when called again with the same settings.
    The test side of the split is looked at once, after everything else is decided.

    Returns
    -------
    Path
        `settings.out`, which ends in the model's version, such as `nuclei/4`.

    Raises
    ------
    ConfigError
        If the data folder holds none of the sets.
    ModelError
        If the finished folder cannot be read back.
    """
    out = Path(settings.out)
    specimens = load_specimens(settings)
    if not any(specimen.part is Part.TRAIN for specimen in specimens):
        raise ConfigError(f"{settings.data}: no image falls on the training side of the split; add more fields")
    fit = Fit(settings, specimens)
    folder = write_bundle(fit.run(), settings, specimens, version=int(out.name))
    scores = [score for part in (Part.VALIDATION, Part.TEST) for score in evaluate(folder, specimens, part)]
    folder = state_accuracy(folder, accuracy_rows(scores, folder.card.name))
    folder = add_int8(folder, settings, specimens, scores, folder.card.name)
    write_report(folder, settings, fit.loop.history, fit.loop.spent_s, specimens)
    logger.info("%s is finished; try `stentor models verify %s`", out, out)
    return out
