"""A shipped model is taught somebody's own images, and says whether it helped."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile

from stentor.core.errors import ConfigError, ModelError
from stentor.inference.repository import find_model
from stentor.train.bench import bench_model
from stentor.train.nuclei_data import load_own
from stentor.train.split import Part
from stentor.train.synthetic import draw_field


def own_folder(tmp_path: Path, images: int = 6, *, labelled: bool = True) -> Path:
    """Drawn fields, half of them as TIFF."""
    folder = tmp_path / "my_cells"
    folder.mkdir()
    for number in range(images):
        field = draw_field((128, 160), 4, seed=number)
        labels = field.labels_yx.astype(np.uint16) * labelled
        if number % 2:
            tifffile.imwrite(folder / f"{number}.image.tif", field.image_yx)
            tifffile.imwrite(folder / f"{number}.labels.tif", labels)
        else:
            cv2.imwrite(str(folder / f"{number}.image.png"), field.image_yx)
            cv2.imwrite(str(folder / f"{number}.labels.png"), labels)
    return folder


def test_own_images_are_found_whatever_their_format_and_a_fifth_is_held_back(tmp_path: Path) -> None:
    specimens = load_own(own_folder(tmp_path, 10), split=True)

    assert len(specimens) == 10
    assert sum(specimen.part is Part.VALIDATION for specimen in specimens) == 2
    assert all(specimen.objects.mean_diameter_px > 20 for specimen in specimens)


def test_of_three_images_one_is_held_back(tmp_path: Path) -> None:
    parts = [specimen.part for specimen in load_own(own_folder(tmp_path, 3), split=True)]

    assert parts.count(Part.VALIDATION) == 1


def test_an_empty_folder_is_told_what_belongs_into_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"NAME\.image\.png.*NAME\.labels\.png"):
        load_own(tmp_path, split=True)


def test_every_image_of_an_own_folder_is_measured(tmp_path: Path) -> None:
    rows = bench_model("nuclei", own_folder(tmp_path), Part.TRAIN)

    assert [(row.data, row.images) for row in rows] == [("my_cells", 6), ("all", 6)]
    assert rows[0].measures["ap_50"] > 0.8


def test_labels_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, 1)
    cv2.imwrite(str(folder / "0.labels.png"), np.zeros((64, 64), np.uint16))

    with pytest.raises(ConfigError, match="differ in size"):
        load_own(folder, split=True)


def test_the_shipped_network_is_read_back_as_it_answers(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    import onnxruntime

    from stentor.train.network import ExportedNetwork
    from stentor.train.shipped_weights import read_network

    path = find_model("nuclei").verified_weights()
    image = np.random.default_rng(0).random((1, 1, 64, 96), np.float32)

    with torch.no_grad():
        answer = ExportedNetwork(read_network(path))(torch.from_numpy(image)).numpy()

    shipped = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]
    np.testing.assert_allclose(answer, shipped, atol=1e-3)


@pytest.mark.parametrize(
    ("is_exact", "largest_loss", "is_quantised"), [(True, 1.0, True), (True, -1.0, False), (False, 1.0, False)]
)
def test_int8_weights_are_kept_with_what_they_reach_where_that_is_known_and_enough(
    is_exact: bool, largest_loss: float, is_quantised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train import bundle
    from stentor.train.command import fine_tune

    monkeypatch.setattr(bundle, "multiplies_int8", lambda: is_exact)
    monkeypatch.setattr(bundle, "verify_model", lambda *of: SimpleNamespace(is_well=True))
    monkeypatch.setattr(bundle, "LARGEST_LOSS", largest_loss)
    out = tmp_path / "my-nuclei" / "1"

    fine_tune("nuclei", str(own_folder(tmp_path, 5)), str(out), steps=1)

    folder = find_model(str(out))
    assert (out / "model.int8.onnx").exists() is is_quantised is ("int8" in folder.card.precisions)
    assert len(folder.card.accuracy) == 1
    if folder.card.int8 is not None:
        folder.verified_weights("int8")
        (row,) = folder.card.int8.accuracy
        assert row.measures != {} and row.command.endswith("--precision int8")


def test_int8_weights_that_fail_the_model_s_own_test_case_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train import bundle
    from stentor.train.command import fine_tune

    monkeypatch.setattr(bundle, "multiplies_int8", lambda: True)
    monkeypatch.setattr(bundle, "verify_model", lambda *of: SimpleNamespace(is_well=False))

    fine_tune("nuclei", str(own_folder(tmp_path, 1)), str(tmp_path / "my-nuclei" / "1"), steps=1)

    assert find_model(str(tmp_path / "my-nuclei" / "1")).card.precisions == ("float32",)


def test_a_network_exported_with_shuffles_is_still_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train import network
    from stentor.train.export import export_nuclei
    from stentor.train.shipped_weights import read_network

    monkeypatch.setattr(network, "without_shuffles", lambda trained: trained)
    trained = network.NucleiNetwork((4, 4, 4), is_folded=True).eval()
    export_nuclei(trained, tmp_path / "old.onnx")

    read = read_network(tmp_path / "old.onnx")

    for before, after in zip(trained.parameters(), read.parameters(), strict=True):
        assert torch.equal(before, after)


def test_a_bench_in_a_precision_that_a_model_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="denoise@1 has no int8 weights"):
        bench_model("denoise", tmp_path, precision="int8")


def test_ten_images_make_a_model_that_says_where_it_comes_from(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train.command import fine_tune

    out = tmp_path / "my-nuclei" / "1"

    said = fine_tune("nuclei", str(own_folder(tmp_path, 10)), str(out), steps=2)

    card = find_model(str(out)).card
    assert card.identity == "my-nuclei@1"
    assert "Fine-tuned from nuclei@" in card.description
    assert card.training[-1].name == "my_cells" and card.training[-1].images == 8
    assert len(card.training) == len(find_model("nuclei").card.training) + 1
    assert "2 images were held back" in said and "before" in said and "after" in said


def test_images_without_an_object_teach_nothing(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
    from stentor.train.command import fine_tune

    with pytest.raises(ConfigError, match="has a labelled object"):
        fine_tune("nuclei", str(own_folder(tmp_path, labelled=False)), str(tmp_path / "mine" / "1"))


def test_only_nuclei_can_be_taught(tmp_path: Path) -> None:
    from stentor.train.command import fine_tune

    with pytest.raises(ConfigError, match="only nuclei can"):
        fine_tune("denoise", str(tmp_path), str(tmp_path / "denoise" / "2"))
