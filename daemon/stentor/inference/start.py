"""Start: which device computes a network and which of its weights, decided once, with the reason in words."""

import logging
from dataclasses import dataclass, replace
from typing import Any, Final

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_faults

from stentor.core.errors import ModelError
from stentor.inference.processor import multiplies_int8
from stentor.inference.repository import ModelFolder
from stentor.inference.settings import Device, InferenceSettings, Precision, StoredPrecision

logger = logging.getLogger(__name__)

PROVIDERS: Final[dict[Device, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

REMEDIES: Final[dict[Device, str]] = {
    "cpu": "reinstall onnxruntime",
    "cuda": 'install stentor[cuda] without plain onnxruntime beside it, look at nvidia-smi, or set device = "cpu"',
    "tensorrt": 'install TensorRT 10 beside stentor[cuda], or set device = "cuda"',
}

OPTIONS: Final[dict[Device, dict[str, str]]] = {
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


@dataclass(frozen=True, slots=True)
class Started:
    """A session of ONNX Runtime, what it computes on, the hash of its weights, and why it is this one."""

    session: Any
    device: Device
    sha256: str
    reason: str

    @property
    def provider(self) -> str:
        """The device's name in ONNX Runtime."""
        return PROVIDERS[self.device]


def start(folder: ModelFolder, settings: InferenceSettings) -> Started:
    """Open the weights of a model on the device that the settings ask for.

    Raises
    ------
    ModelError
        If the weights are not those of the card or not there in the precision asked for, ONNX Runtime does not read
        them, or a device asked for by name does not start.
    """
    device, reason = settings.device, "asked for by name"
    if settings.precision == "int8" and device not in ("auto", "cpu"):
        raise ModelError(f'precision "int8" is for the CPU: set device = "cpu", or precision = "float32" on {device!r}')
    installed = ort.get_available_providers()
    if device == "auto":
        if settings.precision == "int8":
            device, reason = "cpu", 'precision "int8" is for the CPU'
        elif PROVIDERS["cuda"] not in installed:
            device, reason = "cpu", "this ONNX Runtime is built without CUDA"
        else:
            on_gpu = _started(folder, "cuda", "float32", settings, "CUDA is there")
            if on_gpu.session.get_providers()[0] == PROVIDERS["cuda"]:
                return on_gpu
            device, reason = "cpu", "CUDA is installed but did not start: no GPU, no driver, or no cuDNN"
            precision, why = precision_on_cpu(folder, settings.precision)
            if precision == "float32":  # which has just been opened, on the CPU
                return replace(on_gpu, device=device, reason=f"{reason}; {precision}: {why}")
    if PROVIDERS[device] not in installed:
        raise ModelError(f"device {device!r}: this ONNX Runtime has no {PROVIDERS[device]}; {REMEDIES[device]}")
    if device == "cpu":
        precision, why = precision_on_cpu(folder, settings.precision)
        return _started(folder, device, precision, settings, f"{reason}; {precision}: {why}")
    started = _started(folder, device, "float32", settings, reason)
    if started.session.get_providers()[0] != PROVIDERS[device]:
        raise ModelError(f"device {device!r} did not start, ONNX Runtime fell back to the CPU; {REMEDIES[device]}")
    return started


def precision_on_cpu(folder: ModelFolder, asked: Precision) -> tuple[StoredPrecision, str]:
    """Return which of a model's weights the CPU computes with, and why.

    Raises
    ------
    ModelError
        If the model has none in the precision asked for.
    """
    if asked != "auto":
        folder.card.hash_of(asked)
        if asked == "int8" and not multiplies_int8():
            logger.warning(
                "this processor is not known to multiply int8 without overflow: look at what `stentor models verify "
                "%s --precision int8` says",
                folder.path,
            )
        return asked, "asked for by name"
    if "int8" not in folder.card.precisions:
        return "float32", "the model has no other weights"
    if not multiplies_int8():
        return "float32", "this processor is not known to multiply int8 without overflow"
    return "int8", "this processor multiplies it faster"


def _started(
    folder: ModelFolder, device: Device, precision: StoredPrecision, settings: InferenceSettings, reason: str
) -> Started:
    weights = folder.verified_weights(precision)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = settings.intra_op_threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(settings.allow_spinning)))
    providers: list[Any] = [(PROVIDERS[device], OPTIONS.get(device, {}))]
    if device != "cpu":
        providers.append(PROVIDERS["cpu"])
    if settings.device == "auto":
        # Without a GPU, ONNX Runtime prints in four lines what we say in one line ourselves.
        options.log_severity_level = FATAL_ONLY
        ort.set_default_logger_severity(FATAL_ONLY)
    try:
        session = ort.InferenceSession(str(weights), options, providers=providers)
    except REFUSALS as err:
        raise ModelError(f"{weights}: ONNX Runtime {ort.__version__} refuses it: {err}; export it again") from err
    finally:
        if settings.device == "auto":
            ort.set_default_logger_severity(WARNINGS)
    return Started(session, device, folder.card.hash_of(precision), reason)
