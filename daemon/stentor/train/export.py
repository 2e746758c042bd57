"""Export: a trained network as an ONNX file that accepts any height and width."""

import io
from pathlib import Path
from typing import Final

import onnx
import torch

from stentor.train.network import SIZE_MULTIPLE, ExportedNetwork, NucleiNetwork

OPSET: Final = 17
INPUT: Final = "image"
OUTPUT: Final = "maps"


def export_onnx(network: NucleiNetwork, path: Path) -> None:
    """Write the network in evaluation mode, float32, batch normalisation folded in.

    Input `image` (1, 1, Y, X), output `maps` (1, 4, Y, X): foreground and centre in [0, 1], offsets in pixels;
    Y and X are free multiples of `SIZE_MULTIPLE`.
    """
    whole = ExportedNetwork(network).to(memory_format=torch.contiguous_format).eval()
    example = torch.zeros(1, 1, 2 * SIZE_MULTIPLE, 4 * SIZE_MULTIPLE)
    free = {2: "height", 3: "width"}
    written = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            whole,
            (example,),
            written,
            dynamo=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: free, OUTPUT: free},
            opset_version=OPSET,
            do_constant_folding=True,
        )
    onnx.checker.check_model(onnx.load_from_string(written.getvalue()), full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())
