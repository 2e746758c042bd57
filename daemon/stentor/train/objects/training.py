"""Training: a classifier's whole way from a data set to a finished model folder, as `stentor train` goes it."""

import logging
from pathlib import Path

from stentor.train.objects.baseline import baseline_accuracy
from stentor.train.objects.bundle import state_object_accuracy, write_object_bundle
from stentor.train.objects.evaluation import evaluate_classifier
from stentor.train.objects.fit import ObjectFit
from stentor.train.objects.recipes import Recipe
from stentor.train.objects.report import write_object_report
from stentor.train.objects.settings import ObjectSettings
from stentor.train.split import Part

logger = logging.getLogger(__name__)

MEASURED = (Part.VALIDATION, Part.TEST)


def train_classifier(recipe: Recipe, settings: ObjectSettings) -> Path:
    """Train, calibrate, export, measure and write a model folder: weights, card, test case, report.

    Interrupted, it continues from the checkpoint in `settings.scratch` when called again with the same settings.

    Returns
    -------
    Path
        `settings.out`, which ends in the model's version.

    Raises
    ------
    ConfigError
        If the data set is absent.
    ModelError
        If the finished folder cannot be read back.
    """
    objects = recipe.load(settings.data, recipe.channels)
    fit = ObjectFit(settings, objects, len(recipe.classes))
    network = fit.run()
    out = Path(settings.out)
    temperature = fit.temperature()
    folder = write_object_bundle(
        recipe,
        network,
        out,
        temperature=temperature,
        unsure_below=fit.unsure_below(temperature, recipe.unsure_share),
        learned=len(objects.on(Part.TRAIN)),
    )
    scores = [score for part in MEASURED for score in evaluate_classifier(folder, objects, part)]
    baseline = {part: baseline_accuracy(objects, len(recipe.classes), part) for part in MEASURED}
    folder = state_object_accuracy(folder, scores, baseline)
    write_object_report(folder, settings, objects, scores, baseline, fit.loop.history, fit.loop.spent_s)
    logger.info("%s is finished; try `stentor models verify %s`", out, out)
    return out
