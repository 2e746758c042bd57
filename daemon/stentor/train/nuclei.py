"""Nuclei: the whole way from labelled folders to a finished model folder, as `stentor train nuclei` goes it."""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from stentor.core.errors import ConfigError
from stentor.train.evaluate import accuracy_rows, evaluate
from stentor.train.nuclei_data import load_specimens
from stentor.train.settings import TrainSettings
from stentor.train.split import Part

logger = logging.getLogger(__name__)

TRAINING_PACKAGES: Final = ("torch", "onnx")


def train_nuclei(settings: TrainSettings) -> Path:
    """Train, export, measure and write a model folder: weights, card, test case, report.

    Interrupted, it continues from the checkpoint in `settings.scratch` when called again with the same settings.
    The test side of the split is looked at once, after everything else is decided.

    Returns
    -------
    Path
        `settings.out`, which ends in the model's version, such as `nuclei/2`.

    Raises
    ------
    ConfigError
        If torch is not installed, a setting makes no sense, the data folder holds none of the sets, or `out` is not
        a new folder that ends in a version number.
    ModelError
        If the finished folder cannot be read back.
    """
    _require_torch()
    _check(settings)
    # Imported late: these need torch, and whoever only runs models need not have it.
    from stentor.train.bundle import state_accuracy, write_bundle
    from stentor.train.fit import Fit
    from stentor.train.report import write_report

    out = Path(settings.out)
    specimens = load_specimens(settings)
    if not any(specimen.part is Part.TRAIN for specimen in specimens):
        raise ConfigError(f"{settings.data}: no image falls on the training side of the split; add more fields")
    fit = Fit(settings, specimens)
    folder = write_bundle(fit.run(), settings, specimens, version=int(out.name))
    scores = [score for part in (Part.VALIDATION, Part.TEST) for score in evaluate(folder, specimens, part)]
    folder = state_accuracy(folder, accuracy_rows(scores, folder.card.name))
    write_report(folder, settings, fit.loop.history, fit.loop.spent_s, specimens)
    logger.info("%s is finished; try `stentor models verify %s`", out, out)
    return out


def _require_torch() -> None:
    missing = [name for name in TRAINING_PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(f'training needs {" and ".join(missing)}, not installed here: pip install "stentor[train]"')


def _check(settings: TrainSettings) -> None:
    out = Path(settings.out)
    if not out.name.isdecimal():
        raise ConfigError(f"--out {out}: a model folder ends in its version, such as models/nuclei/2")
    if out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"--out {out}: is not empty; choose the next version, or remove it to write it anew")
    if settings.steps < 1:
        raise ConfigError(f"--steps {settings.steps}: must be at least 1")
    if settings.minutes is not None and settings.minutes <= 0:
        raise ConfigError(f"--minutes {settings.minutes:g}: must be more than 0")
