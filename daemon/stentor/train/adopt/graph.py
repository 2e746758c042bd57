"""Graph: somebody's ONNX network, with steps put before and after it until it reads and answers as ours do.

Ours read one tensor (N, C, Y, X) float32 and answer one tensor (N, K, Y, X). What a network lacks to that is added to
the file once, at import, so that nothing is left to do for a frame.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from stentor.core.errors import ModelError

INPUT: Final = "stentor_image"
OUTPUT: Final = "stentor_maps"
EITHER: Final = "|"
TO_THEIRS: Final = (0, 2, 3, 1)
TO_OURS: Final = (0, 3, 1, 2)


class OnnxSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a network in an ONNX file is to be read; the table [onnx] of a template.

    Attributes
    ----------
    layout
        Order of the axes of its tensors.
    outputs
        Which of its outputs are used, in the order in which the post-processor reads them; "one | other" takes the
        larger of two at every pixel.
    sigmoid
        Whether the outputs are logits, to be turned into probabilities.
    standardise
        Whether it wants each plane with mean 0 and standard deviation 1.
    grid
        Pixels of the image for each pixel of the outputs, along each axis: 1, or 2 as many StarDist networks have. The
        answers are spread out then, with zeros between them.
    """

    layout: Literal["nchw", "nhwc"] = "nchw"
    outputs: tuple[str, ...]
    sigmoid: bool = False
    standardise: bool = False
    grid: Literal[1, 2, 4] = 1


class Tensor(msgspec.Struct, frozen=True):
    """Name and sizes of an input or output; None: any size."""

    name: str
    sizes: tuple[int | None, ...]


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read a file with one float32 image as its input.

    Raises
    ------
    ModelError
        If it cannot be read or wants something else.
    """
    try:
        model = onnx.load(str(path))
    except OSError as err:
        raise ModelError(f"{path}: cannot be read ({err.strerror}); give an ONNX file") from err
    except DecodeError as err:
        raise ModelError(f"{path}: is no ONNX file; export the network to ONNX first") from err
    images = inputs_of(model)
    if len(images) != 1 or len(images[0].sizes) != 4:
        found = ", ".join(f"{tensor.name} {tensor.sizes}" for tensor in images) or "none"
        raise ModelError(f"{path}: wants one input with four axes, has: {found}; export the network for single images")
    if model.graph.input[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        raise ModelError(f"{path}: input {images[0].name!r} is not float32; export the network in float32")
    return model


def inputs_of(model: onnx.ModelProto) -> list[Tensor]:
    """Return the inputs that are no stored weights."""
    stored = {weight.name for weight in model.graph.initializer}
    return [_tensor(value) for value in model.graph.input if value.name not in stored]


def outputs_of(model: onnx.ModelProto) -> list[Tensor]:
    """Return all outputs."""
    return [_tensor(value) for value in model.graph.output]


def layout_of(model: onnx.ModelProto) -> Literal["nchw", "nhwc"]:
    """Guess the order of axes: channels are the one of the two places whose size is written down and small."""
    _, second, _, last = inputs_of(model)[0].sizes
    return "nhwc" if last is not None and last <= 64 and (second is None or second > last) else "nchw"


def in_our_form(model: onnx.ModelProto, source: OnnxSource) -> tuple[bytes, tuple[str, ...]]:
    """Return the network's file in our form, and the names of the channels of its answer.

    Raises
    ------
    ModelError
        If it lacks an output, or does not say how many channels one has.
    """
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    graph = whole.graph
    image = inputs_of(model)[0]
    channels = image.sizes[3 if source.layout == "nhwc" else 1]
    before = [*_before(image.name, source)]
    answers, names = _answers(outputs_of(model), source)
    after = [*_after(answers, len(names), source)]
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", channels or "c", "y", "x"]))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", len(names), "y_out", "x_out"]))
    return whole.SerializeToString(), names


def _before(theirs: str, source: OnnxSource) -> Iterator[Any]:
    """Yield the steps from our input to theirs."""
    ready = INPUT
    if source.standardise:
        ready = "stentor_standardised"
        yield helper.make_node("MeanVarianceNormalization", [INPUT], [ready], axes=[2, 3])
    if source.layout == "nhwc":
        yield helper.make_node("Transpose", [ready], [theirs], perm=TO_THEIRS)
    else:
        yield helper.make_node("Identity", [ready], [theirs])


def _answers(outputs: Sequence[Tensor], source: OnnxSource) -> tuple[list[list[str]], tuple[str, ...]]:
    """Return groups of output names, and the names of all channels."""
    sizes = {tensor.name: tensor.sizes for tensor in outputs}
    groups = [[name.strip() for name in entry.split(EITHER)] for entry in source.outputs]
    names: list[str] = []
    for entry, group in zip(source.outputs, groups, strict=True):
        for name in group:
            if name not in sizes:
                raise ModelError(f"onnx.outputs: the network has no output {name!r}; it has: {', '.join(sizes)}")
        channels = sizes[group[0]][3 if source.layout == "nhwc" else 1] if len(sizes[group[0]]) == 4 else None
        if channels is None:
            raise ModelError(
                f"onnx.outputs: output {group[0]!r} has sizes {sizes[group[0]]}; it must have four axes and a "
                "known number of channels; export the network with that size fixed"
            )
        names += [entry] if channels == 1 else [f"{entry} {number}" for number in range(channels)]
    if not names:
        raise ModelError(f"onnx.outputs: must name at least one of: {', '.join(sizes)}")
    return groups, tuple(names)


def _after(groups: Sequence[Sequence[str]], channels: int, source: OnnxSource) -> Iterator[Any]:
    """Yield the steps from their outputs to ours."""
    parts: list[str] = []
    for number, group in enumerate(groups):
        part = group[0]
        if len(group) > 1:
            part = f"stentor_either_{number}"
            yield helper.make_node("Max", list(group), [part])
        if source.layout == "nhwc":
            yield helper.make_node("Transpose", [part], [f"stentor_part_{number}"], perm=TO_OURS)
            part = f"stentor_part_{number}"
        parts.append(part)
    steps = [("Concat", {"axis": 1})]
    steps += [("Sigmoid", {})] if source.sigmoid else []
    made = parts
    for number, (step, options) in enumerate(steps):
        last = number == len(steps) - 1 and source.grid == 1
        target = OUTPUT if last else f"stentor_after_{number}"
        yield helper.make_node(step, made, [target], **options)
        made = [target]
    if source.grid > 1:
        # One 1 and zeros: each answer stays alone in its square, and what lies between proposes nothing.
        spread = np.zeros((channels, 1, source.grid, source.grid), np.float32)
        spread[:, :, 0, 0] = 1.0
        yield helper.make_node("Constant", [], ["stentor_spread"], value=numpy_helper.from_array(spread))
        strides = [source.grid, source.grid]
        yield helper.make_node("ConvTranspose", [*made, "stentor_spread"], [OUTPUT], group=channels, strides=strides)


def _tensor(value: Any) -> Tensor:
    sizes = value.type.tensor_type.shape.dim
    return Tensor(value.name, tuple(size.dim_value if size.HasField("dim_value") else None for size in sizes))
