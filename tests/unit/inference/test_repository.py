"""Models are found by name, and weights that are not those of the card are never run."""

import hashlib
import shutil
from pathlib import Path

import pytest

from stentor.core.errors import ModelError
from stentor.inference.model import load_model
from stentor.inference.repository import find_model, list_models
from stentor.inference.settings import InferenceSettings


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder of models that holds a copy of the shipped one as version 7."""
    target = tmp_path / "nuclei" / "7"
    shutil.copytree(find_model("nuclei@3").path, target)
    card = target / "card.toml"
    card.write_text(card.read_text().replace("version = 3", "version = 7", 1))
    return tmp_path


def test_the_latest_version_is_found_by_the_bare_name(copy: Path) -> None:
    assert find_model("nuclei", [copy]).card.version == 7


def test_a_version_is_found_by_number(copy: Path) -> None:
    assert find_model("nuclei@3", [copy]).card.version == 3


def test_a_folder_is_found_by_its_path(copy: Path) -> None:
    assert find_model(str(copy / "nuclei" / "7")).path == (copy / "nuclei" / "7").resolve()


def test_models_are_listed_by_name_and_rising_version(copy: Path) -> None:
    identities = [folder.card.identity for folder in list_models([copy])]

    assert identities.index("nuclei@3") < identities.index("nuclei@7")


def test_a_folder_given_first_wins_over_the_shipped_one(copy: Path) -> None:
    (copy / "nuclei" / "7").rename(copy / "nuclei" / "3")
    card = copy / "nuclei" / "3" / "card.toml"
    card.write_text(card.read_text().replace("version = 7", "version = 3", 1))

    assert find_model("nuclei@3", [copy]).path.is_relative_to(copy.resolve())


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(ModelError, match=r"no model 'nucleii'.*nuclei@3"):
        find_model("nucleii")


def test_truncated_weights_are_refused_before_they_run(copy: Path) -> None:
    weights = copy / "nuclei" / "7" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1000])

    with pytest.raises(ModelError, match=r"model\.onnx: truncated or changed.*reinstall"):
        load_model("nuclei@7", device="cpu", settings=_searching(copy))


def test_missing_weights_are_named(copy: Path) -> None:
    (copy / "nuclei" / "7" / "model.onnx").unlink()

    with pytest.raises(ModelError, match=r"model\.onnx: cannot be read"):
        find_model("nuclei@7", [copy]).verified_weights()


def test_weights_that_are_no_network_are_refused_in_our_words(copy: Path) -> None:
    folder = find_model("nuclei@7", [copy])
    (folder.path / "model.onnx").write_bytes(b"not a network")
    card = folder.path / "card.toml"
    fresh = hashlib.sha256(b"not a network").hexdigest()
    card.write_text(card.read_text().replace(folder.card.sha256, fresh))

    with pytest.raises(ModelError, match="refuses it"):
        load_model("nuclei@7", device="cpu", settings=_searching(copy))


def _searching(folder: Path) -> InferenceSettings:
    return InferenceSettings(folders=(str(folder),), precision="float32")
