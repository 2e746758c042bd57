"""`stentor train` refuses what cannot go well before it begins."""

from pathlib import Path

import pytest

from stentor.core.errors import ConfigError
from stentor.train import command
from stentor.train.command import train

TRAINING_IS_AN_EXTRA = "training is an extra: pip install 'stentor[train]'"


def test_an_unknown_recipe_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'mitochondria'; there are: nuclei, cell-cycle"):
        train("mitochondria", str(tmp_path), str(tmp_path / "mitochondria" / "1"))


def test_without_torch_the_way_to_install_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TRAINING_PACKAGES", ("torch_that_is_not_there",))

    with pytest.raises(ConfigError, match=r'pip install "stentor\[train\]"'):
        train("nuclei", str(tmp_path), str(tmp_path / "nuclei" / "2"))


@pytest.mark.parametrize(("length", "word"), [({"steps": 0}, "--steps 0"), ({"minutes": -1.0}, "--minutes -1")])
def test_a_length_that_is_none_is_refused(tmp_path: Path, length: dict[str, float], word: str) -> None:
    pytest.importorskip("torch", reason=TRAINING_IS_AN_EXTRA)

    with pytest.raises(ConfigError, match=word):
        train("nuclei", str(tmp_path), str(tmp_path / "nuclei" / "2"), **length)  # type: ignore[arg-type]


def test_a_finished_model_is_never_written_over(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=TRAINING_IS_AN_EXTRA)
    out = tmp_path / "nuclei" / "2"
    out.mkdir(parents=True)
    (out / "card.toml").write_text("")

    with pytest.raises(ConfigError, match="not empty"):
        train("nuclei", str(tmp_path), str(out))


def test_an_output_folder_without_a_version_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=TRAINING_IS_AN_EXTRA)

    with pytest.raises(ConfigError, match="version"):
        train("nuclei", str(tmp_path), str(tmp_path / "nuclei"))


def test_a_data_folder_without_the_set_names_it(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=TRAINING_IS_AN_EXTRA)

    with pytest.raises(ConfigError, match="jurkat_cell_cycle"):
        train("cell-cycle", str(tmp_path), str(tmp_path / "cell-cycle" / "1"))
