"""Repository: finds model folders by name, in extra folders, in the installed package and in the source tree."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import stentor
from stentor.core.errors import ModelError
from stentor.inference.card import AnyCard
from stentor.inference.card_file import CARD_NAME, load_card
from stentor.inference.settings import StoredPrecision


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with a valid card. The weights are not yet verified: see `verified_weights`."""

    path: Path
    card: AnyCard

    def verified_weights(self, precision: StoredPrecision = "float32") -> Path:
        """Return the path of the weights in one precision after comparing their hash with the card.

        Raises
        ------
        ModelError
            If the file is missing, its sha256 is not that of the card, or the card has no weights in that precision.
        """
        path, promised = self.path / self.card.file_of(precision), self.card.hash_of(precision)
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as err:
            raise ModelError(f"{path}: cannot be read ({err.strerror}); reinstall the model") from err
        if found != promised:
            raise ModelError(
                f"{path}: truncated or changed: sha256 {found[:12]}… instead of {promised[:12]}…; "
                f"reinstall the model, or write a new version with its own {CARD_NAME}"
            )
        return path


def roots(extra: Sequence[str | Path] = ()) -> list[Path]:
    """Return the folders that hold `<name>/<version>`, most specific first; those absent are left out."""
    package = Path(stentor.__file__).parent
    candidates = [*map(Path, extra), package / "_models", package.parents[1] / "models"]
    return [path for path in candidates if path.is_dir()]


def list_models(extra: Sequence[str | Path] = ()) -> list[ModelFolder]:
    """Return every model, by name and rising version; of two with one identity the more specific root wins.

    Raises
    ------
    ModelError
        If a card is broken: a broken model must not look like an absent one.
    """
    found: dict[str, ModelFolder] = {}
    for root in roots(extra):
        for path in _version_folders(root):
            folder = _opened(path)
            found.setdefault(folder.card.identity, folder)
    return sorted(found.values(), key=lambda folder: (folder.card.name, folder.card.version))


def find_model(name: str, extra: Sequence[str | Path] = ()) -> ModelFolder:
    """Find a model by "nuclei" (its latest version), "nuclei@3", or the path of its folder.

    Raises
    ------
    ModelError
        If there is no such model; the message names those that there are.
    """
    if (Path(name) / CARD_NAME).is_file():
        return _opened(Path(name))
    wanted, _, version = name.partition("@")
    models = list_models(extra)
    matches = [m for m in models if m.card.name == wanted and version in ("", str(m.card.version))]
    if not matches:
        known = ", ".join(m.card.identity for m in models) or "none"
        searched = ", ".join(map(str, roots(extra))) or "no folder"
        raise ModelError(f"no model {name!r} in {searched}; there are: {known}; a path to a model folder works too")
    return matches[-1]


def _version_folders(root: Path) -> Iterator[Path]:
    for card in sorted(root.glob(f"*/*/{CARD_NAME}")):
        yield card.parent


def _opened(path: Path) -> ModelFolder:
    return ModelFolder(path.resolve(), load_card(path))
