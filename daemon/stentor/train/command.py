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
        New folder, ending in the model's version, such as `nuclei/4`; checkpoints lie beside it until it is finished.
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
            painter,
            ImageSettings(
                data=data, out=out, scratch=scratch, steps=steps or painter.steps, minutes=minutes, batch=painter.batch
            ),
        )
    from stentor.train.nuclei import train_nuclei

    nuclei = TrainSettings(data=data, out=out, scratch=scratch, minutes=minutes)
    return train_nuclei(nuclei if steps is None else structs.replace(nuclei, steps=steps))


def fine_tune(
    what: str, on: str, out: str, *, base: str = "nuclei", steps: int | None = None, minutes: float | None = None
) -> str:
    """Teach a model a folder of annotated images, and return what came of it in words; `out` as in `train`.

    Raises
    ------
    ConfigError, ModelError
        As `train`, and as `stentor.train.fine_tuning.fine_tune`.
    """
    if what != "nuclei":
        raise ConfigError(f"{what!r} cannot be taught by --on, only nuclei can; --data trains it from the beginning")
    _require_torch()
    _check(Path(out), steps, minutes)
    from stentor.train import fine_tuning

    settings = TrainSettings(
        data=on, out=out, scratch=str(Path(out).with_name(f"{Path(out).name}.training")),
        steps=steps or fine_tuning.STEPS, minutes=minutes, warmup_steps=50,
    )  # fmt: skip
    done = fine_tuning.fine_tune(settings, base=base)
    lines = [f'{done.folder} is finished; use it by this path, as in `model = "{done.folder}"`']
    if done.before is not None and done.after is not None:
        lines += [
            f"{done.after.images} images were held back; average precision at IoU 0.5 / 0.75 / 0.9 on them:",
            f"  before {' / '.join(f'{value:.3f}' for value in done.before.precision)}",
            f"  after  {' / '.join(f'{value:.3f}' for value in done.after.precision)}",
        ]
    else:
        lines.append("no image was held back: annotate at least two to learn whether it helped")
    return "\n".join(lines)


def _require_torch() -> None:
    missing = [name for name in TRAINING_PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(f'training needs {" and ".join(missing)}, not installed here: pip install "stentor[train]"')


def _check(out: Path, steps: int | None, minutes: float | None) -> None:
    if not out.name.isdecimal():
        raise ConfigError(f"--out {out}: a model folder ends in its version, such as models/nuclei/4")
    if out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"--out {out}: is not empty; choose the next version, or remove it to write it anew")
    if steps is not None and steps < 1:
        raise ConfigError(f"--steps {steps}: must be at least 1")
    if minutes is not None and minutes <= 0:
        raise ConfigError(f"--minutes {minutes:g}: must be more than 0")
