"""A training of two steps goes the whole way: data, steps, checkpoint, export, card, report."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from msgspec.structs import replace

from stentor.core.errors import ConfigError
from stentor.inference.repository import find_model
from stentor.train.settings import LabelledSet, TrainSettings

torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
pytest.importorskip("onnx", reason="training is an extra: pip install 'stentor[train]'")

from stentor.train import report  # noqa: E402 - only where torch is
from stentor.train.export import export_nuclei  # noqa: E402
from stentor.train.fit import Fit  # noqa: E402
from stentor.train.network import ExportedNetwork, NucleiNetwork  # noqa: E402
from stentor.train.nuclei import train_nuclei  # noqa: E402
from stentor.train.nuclei_data import load_specimens  # noqa: E402
from stentor.train.split import Part, part_of  # noqa: E402
from stentor.train.synthetic import draw_field  # noqa: E402

TINY = LabelledSet("drawn", 1.0, "drawn by rule, nobody's", labels=".nuclei.png", ignored=".debris.png")


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    """Settings over a folder with two drawn fields on each side of the split."""
    folder = tmp_path / "data" / "drawn"
    folder.mkdir(parents=True)
    for number, stem in enumerate(stem for part in Part for stem in stems_of(part)):
        field = draw_field((128, 160), 4, seed=number)
        debris = np.zeros((128, 160), np.uint8)
        debris[:3, :3] = 1
        cv2.imwrite(str(folder / f"{stem}.image.png"), field.image_yx)
        cv2.imwrite(str(folder / f"{stem}.nuclei.png"), field.labels_yx.astype(np.uint16))
        cv2.imwrite(str(folder / f"{stem}.debris.png"), debris)
    return TrainSettings(
        data=str(tmp_path / "data"), out=str(tmp_path / "nuclei" / "3"), scratch=str(tmp_path / "scratch"),
        sets=(TINY,), steps=2, batch=2, crop_px=64, warmup_steps=1, threads=1,
    )  # fmt: skip


def stems_of(part: Part, count: int = 2) -> list[str]:
    return [stem for stem in (f"field{n}" for n in range(500)) if part_of(stem) is part][:count]


def test_a_training_writes_a_model_that_the_repository_accepts(
    settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_speed", lambda folder: iter(()))

    out = train_nuclei(settings)

    folder = find_model(str(out))
    folder.verified_weights()
    assert folder.card.identity == "nuclei@3"
    assert [(row.name, row.images) for row in folder.card.training] == [("drawn", 2)]
    assert {(row.data, row.part) for row in folder.card.accuracy} == {
        (data, part) for data in ("drawn", "all") for part in ("validation", "test")
    }
    assert "| as shipped |" in (out / "REPORT.md").read_text()


def test_a_finished_training_is_continued_from_its_checkpoint_without_another_step(settings: TrainSettings) -> None:
    specimens = load_specimens(settings)
    first = Fit(settings, specimens)
    first.run()

    again = Fit(settings, specimens)
    again.run()

    assert again.loop.step == first.loop.step == 2
    for before, after in zip(first.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(before, after)


def test_the_wall_clock_ends_the_cosine_before_its_steps(settings: TrainSettings) -> None:
    fit = Fit(replace(settings, steps=10**6, minutes=1e-6), load_specimens(settings))

    fit.run()

    assert fit.loop.step == 1


def test_the_exported_network_answers_as_the_trained_one_at_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NucleiNetwork().eval()
    export_nuclei(network, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])

    for shape in ((64, 96), (160, 32)):
        image = np.random.default_rng(0).random((1, 1, *shape), dtype=np.float32)
        with torch.no_grad():
            expected = ExportedNetwork(network)(torch.from_numpy(image)).numpy()
        np.testing.assert_allclose(session.run(None, {"image": image})[0], expected, atol=1e-3)


def test_a_folder_without_any_set_is_refused_with_the_names_that_were_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nuclei_dsb2018"):
        load_specimens(TrainSettings(data=str(tmp_path), out="nuclei/1", scratch=str(tmp_path)))
