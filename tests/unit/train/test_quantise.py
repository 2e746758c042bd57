"""A quantised network answers nearly as the one it was made of, and is whole numbers inside."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
onnx = pytest.importorskip("onnx", reason="training is an extra: pip install 'stentor[train]'")

import onnxruntime as ort  # noqa: E402

from stentor.inference.processor import multiplies_int8  # noqa: E402
from stentor.inference.repository import find_model  # noqa: E402
from stentor.train.quantise import KEPT, quantise  # noqa: E402
from stentor.train.synthetic import draw_field  # noqa: E402


@pytest.mark.skipif(not multiplies_int8(), reason="this processor has no VNNI: int8 overflows on it")
def test_the_shipped_network_quantised_again_stays_close_to_itself(tmp_path: Path) -> None:
    weights = find_model("nuclei").verified_weights("float32")
    field = draw_field((256, 256), 14).image_yx.astype(np.float32)
    image = np.arcsinh(5 * (field - field.min()) / (np.percentile(field, 99.8) - field.min()))

    quantise(weights, tmp_path / "int8.onnx", [image[:128, :128], image[128:, 128:]])

    exact, quantised = (
        ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": image[None, None]})[0][0]
        for path in (weights, tmp_path / "int8.onnx")
    )
    is_object = exact[0] > 0.5
    assert is_object.mean() > 0.05
    assert np.mean((quantised[0] > 0.5) != is_object) < 0.01
    assert np.abs(quantised[2:] - exact[2:])[:, is_object].mean() < 0.5, "pixels of an offset"
    assert np.abs(quantised - exact).max() > 0, "it was quantised at all"


def test_ends_stay_float32_and_all_other_convolutions_are_whole_numbers(tmp_path: Path) -> None:
    weights = find_model("nuclei").verified_weights("float32")

    quantise(weights, tmp_path / "int8.onnx", [np.linspace(0, 2, 64 * 64, dtype=np.float32).reshape(64, 64)])

    graph = onnx.load(str(tmp_path / "int8.onnx")).graph
    quantised_by = {output for node in graph.node if node.op_type == "DequantizeLinear" for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    is_kept = [node.input[1] not in quantised_by for node in convolutions]
    assert [index % len(is_kept) for index in KEPT] == [i for i, kept in enumerate(is_kept) if kept]
    assert (tmp_path / "int8.onnx").stat().st_size < 0.4 * weights.stat().st_size
