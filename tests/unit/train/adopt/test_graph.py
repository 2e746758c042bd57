"""Graph: whatever form a network comes in, it reads (N, C, Y, X) and answers (N, K, Y, X)."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.train.adopt.graph import INPUT, OnnxSource, in_our_form, layout_of, read_onnx

from .conftest import Maker

IMAGE = np.random.default_rng(0).uniform(0, 1, (1, 1, 8, 12)).astype(np.float32)


def answer(path: Path, source: OnnxSource) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    weights, names = in_our_form(read_onnx(path), source)
    onnx.checker.check_model(onnx.load_from_string(weights), full_check=True)
    session = ort.InferenceSession(weights, providers=["CPUExecutionProvider"])
    return session.run(None, {INPUT: IMAGE})[0], names


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_outputs_come_in_the_order_asked_for(foreign: Maker, layout: str) -> None:
    path = foreign(layout=layout)

    maps, names = answer(path, OnnxSource(layout=layout, outputs=("negative", "double")))

    assert layout_of(read_onnx(path)) == layout
    assert names == ("negative", "double")
    assert np.allclose(maps, np.concatenate([-IMAGE, 2 * IMAGE], axis=1))


def test_one_or_other_takes_the_larger(foreign: Maker) -> None:
    maps, names = answer(foreign(), OnnxSource(layout="nhwc", outputs=("negative | double",)))

    assert names == ("negative | double",)
    assert np.allclose(maps, 2 * IMAGE)


def test_logits_become_probabilities(foreign: Maker) -> None:
    maps, _ = answer(foreign(), OnnxSource(layout="nhwc", outputs=("double",), sigmoid=True))

    assert np.allclose(maps, 1 / (1 + np.exp(-2 * IMAGE)), atol=1e-6)


def test_a_plane_is_standardised_where_asked(foreign: Maker) -> None:
    maps, _ = answer(foreign(), OnnxSource(layout="nhwc", outputs=("double",), standardise=True))

    assert np.allclose(maps, 2 * (IMAGE - IMAGE.mean()) / IMAGE.std(), atol=1e-4)


def test_answers_on_a_coarser_grid_are_spread_out_with_zeros(foreign: Maker) -> None:
    maps, _ = answer(foreign(layout="nchw", stride=2), OnnxSource(outputs=("double",), grid=2))

    assert maps.shape == IMAGE.shape
    assert np.allclose(maps[0, 0, ::2, ::2], 2 * IMAGE[0, 0].reshape(4, 2, 6, 2).max(axis=(1, 3)))
    assert not maps[:, :, 1::2].any() and not maps[..., 1::2].any()


def test_an_unknown_output_is_answered_with_those_there_are(foreign: Maker) -> None:
    with pytest.raises(ModelError, match=r"no output 'edge'.*double, negative"):
        in_our_form(read_onnx(foreign()), OnnxSource(layout="nhwc", outputs=("edge",)))


def test_what_is_no_network_of_one_image_is_refused(foreign: Maker, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a network")

    with pytest.raises(ModelError, match="is no ONNX file"):
        read_onnx(tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="cannot be read"):
        read_onnx(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="four axes"):
        read_onnx(foreign(sizes=("n", "z", "y", "x", 1)))
