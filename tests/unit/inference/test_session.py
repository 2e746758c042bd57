"""A session computes where it says it computes, in buffers that it keeps and bounds."""

import logging
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from stentor.core.errors import ModelError
from stentor.inference.model import load_model
from stentor.inference.repository import find_model
from stentor.inference.session import Session
from stentor.inference.settings import InferenceSettings

CPU = "CPUExecutionProvider"


def session(**settings: Any) -> Session:
    folder = find_model("nuclei@3")
    return Session(folder, len(folder.card.outputs), InferenceSettings(**settings))


def test_a_device_that_is_not_installed_is_refused_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])

    with pytest.raises(ModelError, match=r"'cuda'.*nvidia-smi"):
        session(device="cuda")


def test_a_silent_fallback_to_the_cpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _claim_cuda_and_fall_back(monkeypatch)

    with pytest.raises(ModelError, match="fell back to the CPU"):
        session(device="cuda")


def test_auto_says_that_cuda_did_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    _claim_cuda_and_fall_back(monkeypatch)

    chosen = session(device="auto")

    assert (chosen.device, chosen.provider) == ("cpu", CPU)
    assert "did not start" in chosen.reason


def test_auto_on_a_build_without_cuda_takes_the_cpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])

    assert "without CUDA" in session(device="auto").reason


def test_a_loaded_model_says_once_what_computes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="stentor.inference"):
        model = load_model("nuclei@3", device="cpu")

    assert model.identity.provider == CPU
    assert [CPU in record.getMessage() for record in caplog.records] == [True]


def test_a_shape_that_comes_again_finds_its_own_buffers() -> None:
    subject = session(device="cpu")

    assert subject.buffers((64, 96)) is subject.buffers((64, 96))


def test_buffers_of_the_shape_used_longest_ago_are_let_go() -> None:
    subject = session(device="cpu", shapes_kept=2)
    first = subject.buffers((32, 32))
    second = subject.buffers((32, 64))

    subject.buffers((64, 64))

    assert subject.buffers((32, 64)) is second
    assert subject.buffers((32, 32)) is not first


def test_the_bound_output_is_that_of_a_plain_run() -> None:
    subject = session(device="cpu", precision="float32")
    buffers = subject.buffers((64, 96))
    buffers.input_nchw[:] = np.random.default_rng(1).random(buffers.input_nchw.shape, dtype=np.float32)

    bound = subject.run(buffers).copy()

    plain = ort.InferenceSession(str(find_model("nuclei@3").verified_weights()), providers=[CPU])
    expected = plain.run(None, {plain.get_inputs()[0].name: buffers.input_nchw})[0]
    np.testing.assert_allclose(bound, expected, atol=1e-4)


def _claim_cuda_and_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behave as onnxruntime-gpu does without a GPU: claim CUDA, start on the CPU, raise nothing."""
    start = ort.InferenceSession
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU])
    monkeypatch.setattr(ort, "InferenceSession", lambda path, options, providers: start(path, options, providers=[CPU]))
