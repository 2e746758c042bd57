"""Which weights a network computes with: int8 where the processor is fast at it, else float32, and always said."""

import logging
import shutil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from msgspec import structs

from stentor.core.errors import ModelError
from stentor.inference import processor, start
from stentor.inference.model import load_model
from stentor.inference.repository import ModelFolder, find_model
from stentor.inference.segmentation import SegmentationModel
from stentor.inference.settings import InferenceSettings, StoredPrecision
from stentor.inference.verify import verify_model
from stentor_plugins.segment import Segment, SegmentSettings

CPU = "CPUExecutionProvider"


@pytest.fixture
def folder() -> ModelFolder:
    return find_model("nuclei")


def set_processor(monkeypatch: pytest.MonkeyPatch, *, is_fast: bool) -> None:
    monkeypatch.setattr(start, "multiplies_int8", lambda: is_fast)


def test_auto_takes_int8_on_a_processor_that_is_fast_at_it(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_processor(monkeypatch, is_fast=True)

    started = start.start(folder, InferenceSettings(device="cpu"))

    assert folder.card.int8 is not None and started.sha256 == folder.card.int8.sha256
    assert "int8: this processor multiplies it faster" in started.reason


def test_auto_takes_float32_on_any_other_processor(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    set_processor(monkeypatch, is_fast=False)

    started = start.start(folder, InferenceSettings(device="cpu"))

    assert started.sha256 == folder.card.sha256
    assert "float32: this processor is not known" in started.reason


def test_auto_takes_float32_where_the_model_has_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    set_processor(monkeypatch, is_fast=True)

    assert (
        "float32: the model has no other" in start.start(find_model("denoise"), InferenceSettings(device="cpu")).reason
    )


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_precision_asked_for_by_name_is_taken(
    folder: ModelFolder, precision: StoredPrecision, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_processor(monkeypatch, is_fast=False)

    started = start.start(folder, InferenceSettings(device="cpu", precision=precision))

    assert started.sha256 == folder.card.hash_of(precision)
    assert f"{precision}: asked for by name" in started.reason
    assert ("models verify" in caplog.text) is (precision == "int8"), "a processor that may overflow is warned about"


def test_int8_is_refused_where_there_is_none_and_on_a_gpu(folder: ModelFolder) -> None:
    with pytest.raises(ModelError, match=r'denoise@1 has no int8 weights.*"float32"'):
        start.start(find_model("denoise"), InferenceSettings(precision="int8"))
    with pytest.raises(ModelError, match=r"is for the CPU.*'cuda'"):
        start.start(folder, InferenceSettings(device="cuda", precision="int8"))


def test_int8_asked_for_by_name_takes_the_cpu_beside_a_gpu(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU])

    assert start.start(folder, InferenceSettings(precision="int8")).device == "cpu"


def test_float32_on_a_gpu_that_does_not_start_is_opened_once(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    create = ort.InferenceSession
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU])
    monkeypatch.setattr(
        ort, "InferenceSession", lambda path, options, providers: opened.append(path) or create(path, options, [CPU])
    )

    started = start.start(folder, InferenceSettings(precision="float32"))

    assert (started.device, len(opened)) == ("cpu", 1)
    assert "did not start" in started.reason and "float32: asked for by name" in started.reason


def test_int8_weights_that_are_damaged_are_refused_by_their_name(folder: ModelFolder, tmp_path: Path) -> None:
    shutil.copytree(folder.path, tmp_path / "nuclei" / "9")
    weights = tmp_path / "nuclei" / "9" / "model.int8.onnx"
    weights.write_bytes(weights.read_bytes()[:-1])

    with pytest.raises(ModelError, match=r"model\.int8\.onnx: truncated or changed"):
        load_model(str(weights.parent), settings=InferenceSettings(device="cpu", precision="int8"))


@pytest.mark.skipif(not processor.multiplies_int8(), reason="this processor has no VNNI: int8 overflows on it")
def test_both_precisions_find_the_same_objects_and_say_which_they_are(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:192, :192]
    image = rng.normal(100, 3, (192, 192))
    for centre in ((40, 50), (100, 60), (60, 140), (140, 130)):
        image += 400 * (np.hypot(y - centre[0], x - centre[1]) < 13)
    found = {}

    with caplog.at_level(logging.INFO, logger="stentor.inference"):
        for precision in ("float32", "int8"):
            model = load_model("nuclei", settings=InferenceSettings(device="cpu", precision=precision))
            assert isinstance(model, SegmentationModel)
            found[model.identity.hash] = model(image.astype(np.uint16)).labels

    exact, quantised = found.values()
    assert exact.max() == quantised.max() == 4
    assert np.mean((exact > 0) != (quantised > 0)) < 0.002
    assert [("float32" in record.message, "int8" in record.message) for record in caplog.records] == [
        (True, False),
        (False, True),
    ]


def test_a_processor_says_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "LISTING", listing)
    monkeypatch.setattr(processor.sys, "platform", "linux")
    answers = []

    for has_avx512, flags in ((True, "sse2"), (False, "sse2 avx_vnni"), (False, "sse2 avx2"), (False, None)):
        monkeypatch.setattr(processor.cv2, "checkHardwareSupport", lambda _, has=has_avx512: has)
        listing.unlink(missing_ok=True)
        if flags is not None:
            listing.write_text(f"model name\t: any\nflags\t\t: {flags}\n")
        answers.append(processor.multiplies_int8.__wrapped__())

    assert answers == [True, True, False, False]


def test_a_card_whose_int8_file_lies_elsewhere_is_refused(folder: ModelFolder, tmp_path: Path) -> None:
    assert folder.card.int8 is not None
    for changed in (
        structs.replace(folder.card.int8, weights="../model.int8.onnx"),
        structs.replace(folder.card.int8, sha256="ab"),
    ):
        text = (folder.path / "card.toml").read_text()
        text = text.replace(folder.card.int8.weights, changed.weights).replace(folder.card.int8.sha256, changed.sha256)
        (tmp_path / "card.toml").write_text(text)
        with pytest.raises(ModelError, match=r"`int8\.(weights|sha256)`"):
            find_model(str(tmp_path))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_stage_and_verification_compute_with_the_precision_that_they_are_given(
    folder: ModelFolder, precision: StoredPrecision
) -> None:
    stage = Segment(SegmentSettings(device="cpu", precision=precision))

    assert stage.model is not None and stage.model.hash == folder.card.hash_of(precision)
    assert verify_model("nuclei", "cpu", precision).model.hash == folder.card.hash_of(precision)
