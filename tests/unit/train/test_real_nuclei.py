"""Accuracy on real images, where the labelled data lie beside the checkout."""

from pathlib import Path

import pytest

from stentor.inference.processor import multiplies_int8
from stentor.inference.repository import find_model
from stentor.inference.settings import StoredPrecision
from stentor.train.evaluate import evaluate
from stentor.train.nuclei_data import load_specimens
from stentor.train.settings import NUCLEI_SETS, TrainSettings
from stentor.train.split import Part

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_shipped_model_keeps_the_accuracy_of_its_card(precision: StoredPrecision) -> None:
    if precision == "int8" and not multiplies_int8():
        pytest.skip("this processor has no VNNI: int8 overflows on it")
    if not (DATA / "nuclei_bbbc039_43").is_dir():
        pytest.skip("the labelled images are not at ../shared/data")
    settings = TrainSettings(data=str(DATA), out="nuclei/3", scratch="", sets=NUCLEI_SETS[1:2])
    folder = find_model("nuclei@3")
    assert folder.card.int8 is not None
    rows = folder.card.accuracy if precision == "float32" else folder.card.int8.accuracy
    stated = next(row for row in rows if (row.data, row.part) == ("nuclei_bbbc039_43", "validation"))

    score = evaluate(folder, load_specimens(settings), Part.VALIDATION, precision=precision)[0]

    assert score.images == stated.images
    assert score.precision[0] == pytest.approx(stated.measures["ap_50"], abs=0.01)
