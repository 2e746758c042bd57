"""A classifier learns from crops, says how sure it is, and its folder runs where it was not trained."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stentor.inference.repository import find_model
from stentor.inference.verify import verify_model
from stentor.train.objects.calibration import (
    balanced_accuracy,
    best_temperature,
    calibration_error,
    confusion,
    softmax,
)
from stentor.train.objects.judged_objects import JudgedObjects
from stentor.train.objects.jurkat import load_jurkat
from stentor.train.objects.micronuclei import load_micronuclei
from stentor.train.objects.recipes import RECIPES
from stentor.train.objects.settings import ObjectSettings
from stentor.train.objects.variation import vary_crops
from stentor.train.split import Part

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data are not there: {DATA}")


def bright_and_dim(data: str, channels: Sequence[str]) -> JudgedObjects:
    """Noise with a square in it: bright squares are of class 1."""
    rng = np.random.default_rng(0)
    class_n = rng.integers(0, 2, 240)
    crops = rng.normal(0, 0.1, (240, len(channels), 40, 40)).astype(np.float32)
    crops[:, :, 14:26, 14:26] += np.where(class_n, 1.5, 0.3)[:, None, None, None]
    parts = np.array([part.value for part in Part])[np.arange(240) % 3]
    return JudgedObjects(crops, class_n.astype(np.int64), np.full(240, "drawn"), parts)


def test_a_training_goes_the_whole_way_to_a_folder_that_verifies(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train.objects.training import train_classifier

    recipe = replace(RECIPES["cell-cycle-label-free"], classes=("dim", "bright"), load=bright_and_dim)
    out = tmp_path / "squares" / "3"
    settings = ObjectSettings(
        data="", out=str(out), scratch=str(tmp_path / "scratch"), steps=30, batch=32, warmup_steps=2, threads=1
    )

    train_classifier(recipe, settings)

    card = find_model(str(out)).card
    assert verify_model(str(out), "cpu").is_well
    assert {row.part for row in card.accuracy} == {"validation", "test"}
    assert all(row.measures["balanced_accuracy"] > 0.9 for row in card.accuracy)
    assert all(row.measures["true_dim_found_dim"] > 0 for row in card.accuracy)
    report = (out / "REPORT.md").read_text()
    assert "| dim |" in report and card.unfit_for in report
    assert (out / "objects.png").stat().st_size < 200_000


def test_balanced_accuracy_weighs_a_rare_class_as_much_as_a_common_one() -> None:
    counts = confusion(np.array([0] * 90 + [1] * 10), np.array([0] * 100), 2)

    assert counts.tolist() == [[90, 0], [10, 0]]
    assert balanced_accuracy(counts) == 0.5


def test_a_temperature_mends_probabilities_that_are_too_bold() -> None:
    rng = np.random.default_rng(1)
    class_n = rng.integers(0, 3, 3000)
    honest = rng.normal(0, 1, (3000, 3)) + 1.2 * np.eye(3)[class_n]
    weight = np.ones(3000)

    temperature = best_temperature(4 * honest, class_n, weight)

    bold, mended = softmax(4 * honest), softmax(4 * honest, temperature)
    assert calibration_error(mended, class_n, weight) < 0.3 * calibration_error(bold, class_n, weight)
    assert (mended.argmax(axis=1) == bold.argmax(axis=1)).all()


def test_variation_keeps_the_light_within_the_gain_and_never_repeats() -> None:
    crops = np.zeros((2, 1, 40, 40), np.float32)
    crops[:, :, 12:28, 12:28] = 1.0

    varied = vary_crops(crops, np.random.default_rng(0), gain=1.05)

    assert not np.array_equal(varied[0], varied[1])
    np.testing.assert_allclose(varied.sum(axis=(1, 2, 3)), crops[0].sum(), rtol=0.2)


@needs_data
def test_the_cells_are_split_and_scaled() -> None:
    cells = load_jurkat(DATA, ("brightfield", "DNA", "darkfield"))

    assert cells.crops_nchw.shape == (7252, 3, 40, 40)
    assert np.bincount(cells.class_n).tolist() == [5226, 739, 709, 578]
    assert 0.7 < len(cells.on(Part.TRAIN)) / len(cells) < 0.8
    dna = cells.crops_nchw[:, 1].sum(axis=(1, 2))
    medians = [float(np.median(dna[cells.class_n == phase])) for phase in range(4)]
    assert medians == sorted(medians), "G1 has least DNA, mitotic cells most"


@needs_data
def test_nuclei_with_and_without_micronuclei_are_told_from_their_masks() -> None:
    nuclei = load_micronuclei(DATA)

    shares = [float(nuclei.on(part).class_n.mean()) for part in Part]
    assert len(nuclei) > 1500
    assert all(0.2 < share < 0.8 for share in shares)
