"""A model card says everything, and a broken one says what is broken."""

from pathlib import Path

import pytest

from stentor.core.errors import ModelError
from stentor.inference.card_file import load_card
from stentor.inference.repository import find_model


def card_with(tmp_path: Path, old: str, new: str) -> Path:
    text = (find_model("nuclei").path / "card.toml").read_text()
    assert old in text
    (tmp_path / "card.toml").write_text(text.replace(old, new, 1))
    return tmp_path


def test_the_shipped_card_names_its_data_its_licence_and_a_measured_accuracy() -> None:
    card = find_model("nuclei@3").card

    assert card.identity == "nuclei@3"
    assert card.licence
    assert all(row.origin and row.images > 0 for row in card.training)
    assert {row.part for row in card.accuracy} == {"validation", "test"}
    assert all(row.command and row.date for row in card.accuracy)


def test_an_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    folder = card_with(tmp_path, "size_multiple = 32", "size_multiple = 32\nsize_multpile = 16")

    with pytest.raises(ModelError, match=r"card\.toml.*size_multpile"):
        load_card(folder)


def test_a_wrong_type_is_named_with_its_key(tmp_path: Path) -> None:
    folder = card_with(tmp_path, "low_percent = 1.0", 'low_percent = "dark"')

    with pytest.raises(ModelError, match=r"normalisation\.low_percent"):
        load_card(folder)


def test_a_missing_card_says_what_a_model_folder_holds(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a model folder holds card\.toml"):
        load_card(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("size_multiple = 32", "size_multiple = 0", "size_multiple"),
        ("object_diameter_px = 26.0", "object_diameter_px = -1.0", "object_diameter_px"),
        ("high_percent = 99.8", "high_percent = 0.5", "normalisation"),
        ('weights = "model.onnx"', 'weights = "../other/model.onnx"', "weights"),
        ('input = "test_input.png"', 'input = "/etc/passwd"', "test.input"),
    ],
)
def test_a_senseless_value_is_refused_by_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    folder = card_with(tmp_path, old, new)

    with pytest.raises(ModelError, match=f"`{key}`"):
        load_card(folder)
