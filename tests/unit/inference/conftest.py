"""Tiny models for tests: folders with a network of one or two nodes, whose answers a person can compute."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from stentor.inference.repository import ModelFolder, find_model


@pytest.fixture
def halving(tmp_path: Path) -> Callable[..., ModelFolder]:
    return partial(_halving, tmp_path)


@pytest.fixture
def brighter_of_two(tmp_path: Path) -> Callable[..., ModelFolder]:
    return partial(_brighter_of_two, tmp_path)


def folder_of(tmp_path: Path, nodes: list[Any], *, channels: int, output: list[Any], card: str) -> ModelFolder:
    """Write a model folder around a graph from `image` (N, C, Y, X) to `answer`; `card` adds to the common keys."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", channels, "y", "x"])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, output)
    graph = helper.make_graph(nodes, "tiny", [image], [answer])
    weights = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    folder = tmp_path / "tiny" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(weights)
    (folder / "card.toml").write_text(
        f'''
name = "tiny"
version = 1
description = "For a test."
licence = "BSD-3-Clause"
weights = "model.onnx"
sha256 = "{hashlib.sha256(weights).hexdigest()}"
axes = "nchw"
dtype = "float32"
training = []
accuracy = []
{card}
[test]
input = "input.npy"
expected = "expected.npy"
tolerance = 0.001
'''
    )
    return find_model(str(folder))


def _halving(tmp_path: Path, *, restores: bool = True) -> ModelFolder:
    """Return a model of two channels whose answer is half its first."""
    kernel = onnx.numpy_helper.from_array(np.array([0.5, 0.0], np.float32).reshape(1, 2, 1, 1), "kernel")
    nodes = [
        helper.make_node("Constant", [], ["kernel"], value=kernel),
        helper.make_node("Conv", ["image", "kernel"], ["answer"]),
    ]
    card = f'''
task = "image-to-image"
channels = ["low light", "other"]
outputs = ["half"]
size_multiple = 8
halo_px = 8
unit = "{"counts" if restores else "a.u."}"
{'restores = "low light"' if restores else ""}
[normalisation]
name = "percentile"
low_percent = 0.0
high_percent = 100.0
'''
    return folder_of(tmp_path, nodes, channels=2, output=["n", 1, "y", "x"], card=card)


def _brighter_of_two(tmp_path: Path, *, unsure_below: float = 0.6, pixel_size_um: float = 0.5) -> ModelFolder:
    """Return a classifier of 12 px crops: the softmax over the means of its two channels."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Softmax", ["means"], ["answer"], axis=1),
    ]
    card = f"""
task = "object-classification"
channels = ["red", "green"]
outputs = ["p_red", "p_green"]
classes = ["red", "green"]
crop_px = 12
pixel_size_um = {pixel_size_um}
scales = [{{channel = "red", divisor = 100.0}}, {{channel = "green", divisor = 100.0}}]
unsure_below = {unsure_below}
"""
    return folder_of(tmp_path, nodes, channels=2, output=["n", 2], card=card)
