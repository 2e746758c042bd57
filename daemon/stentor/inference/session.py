"""Session: ONNX Runtime with fixed shapes, buffers of its own, and the truth about which device computes."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_faults

from stentor.core.errors import ModelError
from stentor.inference.settings import InferenceSettings

logger = logging.getLogger(__name__)

PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

REMEDIES: Final = {
    "cpu": "reinstall onnxruntime",
    "cuda": 'install stentor[cuda] without plain onnxruntime beside it, look at nvidia-smi, or set device = "cpu"',
    "tensorrt": 'install TensorRT 10 beside stentor[cuda], or set device = "cuda"',
}

OPTIONS: Final[dict[str, dict[str, str]]] = {
    # EXHAUSTIVE takes 634 ms for each new shape where HEURISTIC takes 2 ms.
    "cuda": {"cudnn_conv_algo_search": "HEURISTIC"},
}

FATAL_ONLY: Final = 4
WARNINGS: Final = 2

# ONNX Runtime's exceptions have no common base of their own; a missing DLL of a provider is a plain RuntimeError.
REFUSALS: Final = (
    ort_faults.EPFail,
    ort_faults.EngineError,
    ort_faults.Fail,
    ort_faults.InvalidArgument,
    ort_faults.InvalidGraph,
    ort_faults.InvalidProtobuf,
    ort_faults.NoModel,
    ort_faults.NoSuchFile,
    ort_faults.NotImplemented,
    ort_faults.RuntimeException,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Buffers:
    """Input and output of one shape, bound once; whoever writes `input_nchw` owns it until `run` returns."""

    input_nchw: NDArray[np.float32]
    output_nchw: NDArray[np.float32]
    binding: Any


class Session:
    """One network on one device, used by one thread.

    Call `buffers(shape)`, fill `input_nchw`, `run(buffers)`, read `output_nchw` before the next run: maps (N, C, Y, X)
    of a network that `is_spatial`, else one row of numbers per image, (N, C).

    Attributes
    ----------
    device, provider
        What computes: "cpu", "cuda" or "tensorrt", and its name in ONNX Runtime.
    reason
        Why it was chosen, for a log or a status page.

    Raises
    ------
    ModelError
        If the file is no network that this ONNX Runtime reads, or a device asked for by name does not start.
    """

    def __init__(
        self,
        weights: Path,
        output_channels: int,
        settings: InferenceSettings,
        *,
        channels: int = 1,
        is_spatial: bool = True,
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._output_channels = output_channels
        self._is_spatial = is_spatial
        self._session, self.device, self.reason = _start(weights, settings)
        self.provider = PROVIDERS[self.device]
        self._input_name = self._session.get_inputs()[0].name
        self._output_name = self._session.get_outputs()[0].name
        self._kept: OrderedDict[tuple[int, ...], Buffers] = OrderedDict()

    def buffers(self, shape_yx: tuple[int, int], batch: int = 1) -> Buffers:
        """Return the buffers of so many images of a shape; new ones are allocated and warmed up at once."""
        shape = (batch, self._channels, *shape_yx)
        kept = self._kept.get(shape)
        if kept is None:
            kept = self._bind(shape)
            self._kept[shape] = kept
            self._warm_up(kept, shape)
        self._kept.move_to_end(shape)
        while len(self._kept) > max(1, self._settings.shapes_kept):
            self._kept.popitem(last=False)
        return kept

    def run(self, buffers: Buffers) -> NDArray[np.float32]:
        """Compute `buffers.output_nchw` from `buffers.input_nchw` and return it; the next run overwrites it."""
        self._session.run_with_iobinding(buffers.binding)
        return buffers.output_nchw

    def _bind(self, shape_nchw: tuple[int, ...]) -> Buffers:
        # np.zeros would leave the pages untouched, and the first frame would pay for them.
        image = np.full(shape_nchw, 0.0, np.float32)
        answers = (shape_nchw[0], self._output_channels, *(shape_nchw[2:] if self._is_spatial else ()))
        answer = np.full(answers, 0.0, np.float32)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self._input_name, ort.OrtValue.ortvalue_from_numpy(image))
        binding.bind_ortvalue_output(self._output_name, ort.OrtValue.ortvalue_from_numpy(answer))
        return Buffers(image, answer, binding)

    def _warm_up(self, buffers: Buffers, shape_nchw: tuple[int, ...]) -> None:
        begun = time.perf_counter()
        for _ in range(2):
            self.run(buffers)
        logger.debug("warm for %d x %d x %d x %d in %.0f ms", *shape_nchw, 1e3 * (time.perf_counter() - begun))


def _start(weights: Path, settings: InferenceSettings) -> tuple[Any, str, str]:
    """Return a session, its device, and the reason for it."""
    asked = settings.device
    installed = ort.get_available_providers()
    if asked != "auto":
        if PROVIDERS[asked] not in installed:
            raise ModelError(f"device {asked!r}: this ONNX Runtime has no {PROVIDERS[asked]}; {REMEDIES[asked]}")
        session = _open(weights, asked, settings)
        if session.get_providers()[0] != PROVIDERS[asked]:
            raise ModelError(f"device {asked!r} did not start, ONNX Runtime fell back to the CPU; {REMEDIES[asked]}")
        return session, asked, "asked for by name"
    if PROVIDERS["cuda"] not in installed:
        return _open(weights, "cpu", settings), "cpu", "this ONNX Runtime is built without CUDA"
    ort.set_default_logger_severity(FATAL_ONLY)  # it prints four lines about what we say in one
    session = _open(weights, "cuda", settings)
    ort.set_default_logger_severity(WARNINGS)
    if session.get_providers()[0] == PROVIDERS["cuda"]:
        return session, "cuda", "CUDA is there"
    return session, "cpu", "CUDA is installed but did not start: no GPU, no driver, or no cuDNN"


def _open(weights: Path, device: str, settings: InferenceSettings) -> Any:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = settings.intra_op_threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(settings.allow_spinning)))
    if settings.device == "auto":
        # Without a GPU, ONNX Runtime prints what we say in one line ourselves.
        options.log_severity_level = FATAL_ONLY
    providers: list[Any] = [(PROVIDERS[device], OPTIONS.get(device, {}))]
    if device != "cpu":
        providers.append(PROVIDERS["cpu"])
    try:
        return ort.InferenceSession(str(weights), options, providers=providers)
    except REFUSALS as err:
        raise ModelError(f"{weights}: ONNX Runtime {ort.__version__} refuses it: {err}; export it again") from err
