"""Training: an image-to-image model's whole way from a data set to a finished model folder."""

import logging
from functools import partial
from pathlib import Path

import torch

from stentor.train.image_to_image.bundle import write_image_bundle
from stentor.train.image_to_image.fit import ImageFit
from stentor.train.image_to_image.network import ImageNetwork
from stentor.train.image_to_image.recipes import ImageRecipe
from stentor.train.image_to_image.report import write_image_report
from stentor.train.image_to_image.settings import ImageSettings

logger = logging.getLogger(__name__)


def train_image_model(recipe: ImageRecipe, settings: ImageSettings) -> Path:
    """Train, export, measure and write a model folder: weights, card, test case, report.

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
    torch.manual_seed(settings.seed)
    loaded = recipe.load(settings.data)
    network = ImageNetwork(len(recipe.channels), recipe.widths, passes=recipe.restores is not None)
    fit = ImageFit(settings, network, partial(recipe.draw, loaded))
    folder = write_image_bundle(recipe, fit.run(), loaded, Path(settings.out))
    write_image_report(folder, recipe, settings, loaded, fit.loop.history, fit.loop.spent_s)
    logger.info("%s is finished; try `stentor models verify %s`", settings.out, settings.out)
    return Path(settings.out)
