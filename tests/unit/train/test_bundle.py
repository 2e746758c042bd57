"""A finished model folder says what is in it, and a training that cannot start says why."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from stentor.core.errors import ConfigError
from stentor.inference.card_file import load_card
from stentor.inference.repository import find_model
from stentor.train.bench import bench_model
from stentor.train.card_file import write_card
from stentor.train.evaluate import Score, accuracy_rows
from stentor.train.settings import TrainSettings
from stentor.train.split import Part
from stentor.train.synthetic import draw_field

TRAINING_IS_AN_EXTRA = "training is an extra: pip install 'stentor[train]'"


def settings_in(folder: Path) -> TrainSettings:
    return TrainSettings(data=str(folder), out=str(folder / "nuclei" / "2"), scratch=str(folder / "scratch"))


def test_a_card_reads_back_as_it_was_written(tmp_path: Path) -> None:
    card = replace(find_model("nuclei@3").card, description='a "quoted" \\ name, µm\nand a second line')

    write_card(card, tmp_path)

    assert load_card(tmp_path) == card


def test_what_is_none_is_left_out_of_a_card(tmp_path: Path) -> None:
    card = replace(find_model("nuclei@3").card, object_diameter_um=None)

    path = write_card(card, tmp_path)

    assert "object_diameter_um" not in path.read_text()
    assert load_card(tmp_path) == card


def test_rows_of_a_card_name_the_command_that_measures_them() -> None:
    scores = [Score("all", part, 3, 30, (0.91234, 0.8, 0.4)) for part in Part]

    rows = accuracy_rows(scores, "nuclei", "int8")

    assert [row.part for row in rows] == ["validation", "test"]
    assert rows[0].measures["ap_50"] == 0.9123
    assert rows[1].command == "stentor models bench nuclei --on FOLDER --part test --precision int8"


def test_shipped_weights_are_small_enough_to_travel_with_the_code() -> None:
    assert find_model("nuclei").verified_weights().stat().st_size < 6_000_000


def test_a_bench_without_images_names_the_folders_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nuclei_dsb2018"):
        bench_model("nuclei", tmp_path)


def test_drawn_nuclei_are_as_many_as_asked_for_and_some_lean_on_each_other() -> None:
    labels = draw_field((256, 256), 14, touching=4, seed=4).labels_yx

    assert np.unique(labels).tolist() == list(range(19))
    across = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    down = (labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)
    assert across.any() or down.any()


def test_a_field_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="find no room"):
        draw_field((64, 64), 30)
