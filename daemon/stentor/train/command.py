"""Command: what `stentor train` does: choose a recipe by name, refuse what cannot go well, and train."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import structs

from stentor.core.errors import ConfigError
from stentor.train.image_to_image.recipes import RECIPES as PAINTERS
from stentor.train.image_to_image.settings import ImageSettings
from stentor.train.objects.recipes import RECIPES as CLASSIFIERS
from stentor.train.objects.settings import ObjectSettings
from stentor.train.settings import TrainSettings

TRAINING_PACKAGES: Final = ("torch", "onnx")
TRAINABLE: Final = ("nuclei", *CLASSIFIERS, *PAINTERS)


def train(what: str, data: str, out: str, *, steps: int | None = None, minutes: float | None = None) -> Path:
    """Train a model from a data folder into a new model folder.

    Parameters
    ----------
    what
        One of `TRAINABLE`.
    data
        Folder that holds the data sets; nothing is written there.
    out
        New folder, ending in the model's version, such as `nuclei/3`; checkpoints lie beside it until it is finished.
    steps, minutes
        Length of the training; None: the recipe's own, and no limit.

    Raises
    ------
    ConfigError
        If the name is unknown, torch is not installed, a setting makes no sense, the data are not there, or `out` is
        not a new folder that ends in a version number.
    ModelError
        If the finished folder cannot be read back.
    """
    if what not in TRAINABLE:
        raise ConfigError(f"no recipe {what!r}; there are: {', '.join(TRAINABLE)}")
    _require_torch()
    _check(Path(out), steps, minutes)
    scratch = str(Path(out).with_name(f"{Path(out).name}.training"))
    # Imported late: these need torch, and whoever only runs models need not have it.
    if what in CLASSIFIERS:
        from stentor.train.objects.training import train_classifier

        recipe = CLASSIFIERS[what]
        settings = ObjectSettings(
            data=data, out=out, scratch=scratch, steps=steps or recipe.steps, minutes=minutes, gain=recipe.gain
        )
        return train_classifier(recipe, settings)
    if what in PAINTERS:
        from stentor.train.image_to_image.training import train_image_model

        painter = PAINTERS[what]
        return train_image_model(
            painter, ImageSettings(data=data, out=out, scratch=scratch, steps=steps or painter.steps, minutes=minutes)
        )
    from stentor.train.nuclei import train_nuclei

    nuclei = TrainSettings(data=data, out=out, scratch=scratch, minutes=minutes)
    return train_nuclei(nuclei if steps is None else structs.replace(nuclei, steps=steps))


def _require_torch() -> None:
    missing = [name for name in TRAINING_PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(f'training needs {" and ".join(missing)}, not installed here: pip install "stentor[train]"')


def _check(out: Path, steps: int | None, minutes: float | None) -> None:
    if not out.name.isdecimal():
        raise ConfigError(f"--out {out}: a model folder ends in its version, such as models/nuclei/2")
    if out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"--out {out}: is not empty; choose the next version, or remove it to write it anew")
    if steps is not None and steps < 1:
        raise ConfigError(f"--steps {steps}: must be at least 1")
    if minutes is not None and minutes <= 0:
        raise ConfigError(f"--minutes {minutes:g}: must be more than 0")
