"""bioimage.io: a model description of the BioImage Model Zoo read as a template; what it asks for and we lack is named.

Needs the package bioimageio.spec, which also brings older descriptions up to date (docs/decisions/0017).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.train.adopt.bioimage_steps import UNTOLD_DIAMETER_PX, finish, preparation
from stentor.train.adopt.graph import OnnxSource, outputs_of, read_onnx
from stentor.train.adopt.template import Template

AGREEMENT: Final = 0.02
"""Share of the range by which the answer may differ from the makers' own: they may pad and round otherwise."""


class Described:
    """What a description gives.

    Attributes
    ----------
    network
        Its ONNX file.
    template
        Complete for a model whose answer is mapped.
    notes
        What the user must know: what is guessed or left out.
    image, expected
        Its own test, each (C, Y, X); None: its files are not there.
    """

    def __init__(self, network: Path, template: Template, notes: Sequence[str]) -> None:
        self.network, self.template, self.notes = network, template, tuple(notes)
        self.image: NDArray[Any] | None = None
        self.expected: NDArray[Any] | None = None

    def compare(self, answer: NDArray[Any]) -> str:
        """Say how the answer to `image`, (Y, X), agrees with what its makers expect.

        Raises
        ------
        ModelError
            If it differs by more than `AGREEMENT` of the range of what is expected: then something was mapped wrongly.
        """
        if self.expected is None or self.expected.shape[-2:] != answer.shape:
            return "the description has no expected output to compare with"
        span = max(float(np.ptp(self.expected)), float(np.finfo(np.float32).tiny))
        difference = float(np.abs(self.expected[0] - answer).max()) / span
        if difference > AGREEMENT:
            raise ModelError(
                f"the network answers its description's own test image differently (by {difference:.2g} of the range); "
                "write a template (--template) and compare"
            )
        return f"agrees with the description's own test output to {difference:.2g} of its range"


def read_description(path: Path) -> Described:
    """Read a description: rdf.yaml (or bioimageio.yaml) beside its files.

    Raises
    ------
    ModelError
        If bioimageio.spec is absent, the description is not valid or has no ONNX weights, or it asks for a step that we
        do not have, which is named.
    """
    if find_spec("bioimageio") is None or find_spec("bioimageio.spec") is None:
        raise ModelError(f"{path}: reading it needs bioimageio.spec; pip install 'stentor[adopt]'")
    model = _loaded(path)
    network = path.parent / str(model.weights.onnx.source.path)
    notes: list[str] = []
    image, answers = _single_image(path, model), model.outputs
    layout, channels = _axes(path, image)
    prepared = preparation(path, image, len(channels))
    finished = finish(path, answers, notes)
    source = OnnxSource(
        layout=layout,
        outputs=tuple(output.name for output in outputs_of(read_onnx(network)))[: len(answers)],
        standardise=prepared.pop("standardise", False),
        sigmoid=finished.pop("sigmoid", False),
        grid=finished.pop("grid", 1),
    )
    card = {
        "name": str(model.name).lower().replace(" ", "-"),
        "version": 1,
        "description": str(model.description or model.name),
        "licence": str(model.license),
        "channels": channels,
        "size_multiple": _multiple(path, image),
        "halo_px": _halo(answers),
        "training": [],
        **prepared,
        **finished,
    }
    if card["task"] == "instance-segmentation":
        notes.append(
            "the description does not say how large the objects are: "
            f"object_diameter_px = {UNTOLD_DIAMETER_PX:g} is assumed, see the card"
        )
    described = Described(network, Template(source=source, card=card, where=str(path)), notes)
    described.image = _test_tensor(path, image, layout)
    described.expected = _test_tensor(path, answers[0], layout)
    return described


def _test_tensor(path: Path, tensor: Any, layout: str) -> NDArray[Any] | None:
    """Return the test tensor of an input or output, (C, Y, X); None where there is no such file beside it."""
    source = tensor.test_tensor.source if tensor.test_tensor is not None else None
    file = path.parent / str(getattr(source, "path", ""))
    if not file.is_file() or file.suffix != ".npy":
        return None
    array: NDArray[Any] = np.load(file, allow_pickle=False)[0]
    return np.moveaxis(array, -1, 0) if layout == "nhwc" else array


def _loaded(path: Path) -> Any:
    """Return the description in the newest format, with ONNX weights."""
    from bioimageio.spec import InvalidDescr, ValidationContext, load_description

    with ValidationContext(perform_io_checks=False, log_warnings=False):
        model = load_description(path, format_version="latest")
    if isinstance(model, InvalidDescr):
        errors = [f"{'.'.join(map(str, e.loc))}: {e.msg}" for d in model.validation_summary.details for e in d.errors]
        raise ModelError(f"{path}: is not a valid description: {'; '.join(errors[:3])}")
    if model.type != "model":
        raise ModelError(f"{path}: describes a {model.type}, not a model")
    if model.license is None:
        raise ModelError(f"{path}: states no licence; ask its makers, then import it with a template (--template)")
    if model.weights.onnx is None:
        formats = ", ".join(name for name, weights in model.weights if weights is not None)
        raise ModelError(
            f"{path}: has no ONNX weights, only {formats}; convert them (bioimageio.core can) and name them"
        )
    return model


def _single_image(path: Path, model: Any) -> Any:
    if len(model.inputs) != 1:
        names = ", ".join(str(tensor.id) for tensor in model.inputs)
        raise ModelError(f"{path}: wants several inputs ({names}); only networks of one image can be imported")
    return model.inputs[0]


def _axes(path: Path, image: Any) -> tuple[Literal["nchw", "nhwc"], list[str]]:
    """Return the layout and the names of the channels."""
    order = "".join(str(axis.id)[0] for axis in image.axes)
    layouts: dict[str, Literal["nchw", "nhwc"]] = {"bcyx": "nchw", "byxc": "nhwc"}
    if order not in layouts:
        raise ModelError(f"{path}: its input has the axes {order}; only {' and '.join(layouts)} can be imported")
    (channel,) = (axis for axis in image.axes if axis.type == "channel")
    return layouts[order], [str(name) for name in channel.channel_names]


def _multiple(path: Path, image: Any) -> int:
    """Return the step of the sizes that the network accepts."""
    steps = []
    for axis in image.axes:
        if axis.type == "space":
            step = getattr(axis.size, "step", None)
            if step is None:
                raise ModelError(
                    f"{path}: its axis {axis.id} has the fixed size {axis.size}; only free sizes can be imported"
                )
            if axis.size.min % step:
                raise ModelError(f"{path}: its axis {axis.id} accepts {axis.size.min} + n {step}; needed is a multiple")
            steps.append(int(step))
    return max(steps)


def _halo(answers: Sequence[Any]) -> int:
    """Return the widest halo that an output states, at least 32 px."""
    return max([32, *(int(getattr(axis, "halo", 0) or 0) for answer in answers for axis in answer.axes)])
