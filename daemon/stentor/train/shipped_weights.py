"""Shipped weights: a nuclei network read back from its ONNX file, so that training can go on from it."""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from stentor.core.errors import ModelError
from stentor.train.network import NucleiNetwork


def read_network(path: Path) -> NucleiNetwork:
    """Return the network of a shipped nuclei model, batch normalisation folded into its convolutions as exported.

    The convolutions of the file stand in the order in which the network runs them.

    Raises
    ------
    ModelError
        If the file does not hold such a network.
    """
    graph = onnx.load(str(path)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    read = [
        (values[node.input[1]], values[node.input[2]])
        for node in graph.node
        if node.op_type == "Conv" and len(node.input) == 3 and {*node.input[1:]} <= values.keys()
    ]
    # Each level has two convolutions downwards and, but for the lowest, three upwards; one more is the head.
    levels = (len(read) + 2) // 5
    network = NucleiNetwork(tuple(weight.shape[0] for weight, _ in read[: 2 * levels : 2]), is_folded=True)
    layers = _in_order(network)
    if [layer.weight.shape for layer in layers] != [weight.shape for weight, _ in read]:
        raise ModelError(f"{path}: is no nuclei network of this version of stentor; train from the beginning")
    for layer, (weight, bias) in zip(layers, read, strict=True):
        layer.weight.data, layer.bias.data = torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy())
    return network


def _in_order(network: NucleiNetwork) -> list[nn.Conv2d]:
    """Return the convolutions in the order of the forward pass."""
    blocks = [*network.down]
    for narrow, block in zip(network.narrow, network.up, strict=True):
        blocks += [narrow, block]
    blocks.append(network.head)
    return [layer for block in blocks for layer in block.modules() if isinstance(layer, nn.Conv2d)]
