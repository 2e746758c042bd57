"""Shipped weights: a nuclei network read back from its ONNX file, so that training can go on from it."""

from pathlib import Path
from typing import Final

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from stentor.core.errors import ModelError
from stentor.train.network import NucleiNetwork
from stentor.train.shuffles import at_half_resolution

STEM: Final = 6
"""Width of the first convolution of a network written without shuffles; one written with them begins with 3."""


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
        (torch.from_numpy(values[node.input[1]].copy()), torch.from_numpy(values[node.input[2]].copy()))
        for node in graph.node
        if node.op_type == "Conv" and len(node.input) == 3 and {*node.input[1:]} <= values.keys()
    ]
    if read and read[0][0].shape[2:] == (STEM, STEM):
        read[0] = (at_half_resolution(read[0][0]), read[0][1])
    # Each level has two convolutions downwards and, but for the lowest, three upwards; one more is the head.
    levels = (len(read) + 2) // 5
    network = NucleiNetwork(tuple(weight.shape[0] for weight, _ in read[: 2 * levels : 2]), is_folded=True)
    layers = _in_order(network)
    if [layer.weight.shape for layer in layers] != [weight.shape for weight, _ in read]:
        raise ModelError(f"{path}: is no nuclei network of this version of stentor; train from the beginning")
    for layer, (weight, bias) in zip(layers, read, strict=True):
        layer.weight.data, layer.bias.data = weight, bias
    return network


def _in_order(network: NucleiNetwork) -> list[nn.Conv2d]:
    """Return the convolutions in the order of the forward pass."""
    blocks = [*network.down]
    for narrow, block in zip(network.narrow, network.up, strict=True):
        blocks += [narrow, block]
    blocks.append(network.head)
    return [layer for block in blocks for layer in block.modules() if isinstance(layer, nn.Conv2d)]
