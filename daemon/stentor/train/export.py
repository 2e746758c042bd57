"""Export: a trained network as an ONNX file, with free sizes where the network allows them."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import onnx
import torch
from torch import Tensor, nn

from stentor.train.network import SIZE_MULTIPLE, ExportedNetwork, NucleiNetwork

OPSET: Final = 17
INPUT: Final = "image"
OUTPUT: Final = "maps"
PLANE: Final = {2: "height", 3: "width"}


def export_nuclei(network: NucleiNetwork, path: Path) -> None:
    """Write the network in evaluation mode, float32, batch normalisation folded in.

    Input `image` (1, 1, Y, X), output `maps` (1, 4, Y, X): foreground and centre in [0, 1], offsets in pixels;
    Y and X are free multiples of `SIZE_MULTIPLE`.
    """
    example = torch.zeros(1, 1, 2 * SIZE_MULTIPLE, 4 * SIZE_MULTIPLE)
    export_onnx(ExportedNetwork(network), example, path, free={INPUT: PLANE, OUTPUT: PLANE})


def export_onnx(network: nn.Module, example: Tensor, path: Path, *, free: Mapping[str, Mapping[int, str]]) -> None:
    """Write a network of one input `image` and one output `maps`, in evaluation mode, float32.

    Parameters
    ----------
    example
        An input of a shape that the network accepts.
    free
        For input and output the axes that may have other lengths, with their names.

    Raises
    ------
    onnx.checker.ValidationError
        If what was written is no valid network.
    """
    whole = network.to(memory_format=torch.contiguous_format).eval()
    written = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            whole,
            (example,),
            written,
            dynamo=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={name: dict(axes) for name, axes in free.items()},
            opset_version=OPSET,
            do_constant_folding=True,
        )
    onnx.checker.check_model(onnx.load_from_string(written.getvalue()), full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())
