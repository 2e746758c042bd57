"""Networks of one or two nodes in other people's forms, whose answers a person can compute."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Maker = Callable[..., Path]


@pytest.fixture
def foreign(tmp_path: Path) -> Maker:
    """Return a maker of a file with the outputs `double` (twice the image) and `negative` (minus the image)."""
    return partial(_foreign, tmp_path)


def _foreign(tmp_path: Path, *, layout: str = "nhwc", stride: int = 1, sizes: tuple[Any, ...] | None = None) -> Path:
    channel_last = layout == "nhwc"
    shape = sizes or (("n", "y", "x", 1) if channel_last else ("n", 1, "y", "x"))
    small = ("n", "p", "q", 1) if channel_last else ("n", 1, "p", "q")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, small) for name in ("double", "negative")]
    factors = {"double": 2.0, "negative": -1.0}
    nodes = [
        helper.make_node("Constant", [], [f"by {name}"], value=numpy_helper.from_array(np.float32(factor)))
        for name, factor in factors.items()
    ]
    source = "image"
    if stride > 1:
        source = "pooled"
        nodes.append(helper.make_node("MaxPool", ["image"], [source], kernel_shape=[stride] * 2, strides=[stride] * 2))
    nodes += [helper.make_node("Mul", [source, f"by {name}"], [name]) for name in factors]
    graph = helper.make_graph(nodes, "foreign", [image], outputs)
    path = tmp_path / "foreign.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), str(path))
    return path
