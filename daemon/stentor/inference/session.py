"""Session: one network with fixed shapes and buffers of its own."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stentor.inference.repository import ModelFolder
from stentor.inference.settings import InferenceSettings
from stentor.inference.start import start

logger = logging.getLogger(__name__)


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
    sha256
        Of the weights that it computes with.
    reason
        Why device and weights were chosen, for a log or a status page.

    Raises
    ------
    ModelError
        As `stentor.inference.start.start`.
    """

    def __init__(
        self,
        folder: ModelFolder,
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
        started = start(folder, settings)
        self._session = started.session
        self.device, self.provider, self.sha256 = started.device, started.provider, started.sha256
        self.reason = started.reason
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
