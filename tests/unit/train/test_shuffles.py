"""A network written without shuffles answers as the network does."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
onnx = pytest.importorskip("onnx", reason="training is an extra: pip install 'stentor[train]'")

import onnxruntime as ort  # noqa: E402

from stentor.train.export import export_nuclei  # noqa: E402 - only where torch is
from stentor.train.image_to_image.network import ImageNetwork  # noqa: E402
from stentor.train.network import ExportedNetwork, NucleiNetwork  # noqa: E402
from stentor.train.objects.network import ObjectNetwork  # noqa: E402
from stentor.train.shipped_weights import read_network  # noqa: E402
from stentor.train.shuffles import (  # noqa: E402
    SteppedPixelShuffle,
    at_full_resolution,
    at_half_resolution,
    without_shuffles,
)


def test_the_stepped_shuffle_moves_every_pixel_where_the_plain_one_does() -> None:
    x = torch.arange(2 * 12 * 3 * 5, dtype=torch.float32).reshape(2, 12, 3, 5)

    assert torch.equal(SteppedPixelShuffle()(x), torch.nn.PixelShuffle(2)(x))


@pytest.mark.parametrize(
    "network",
    [
        NucleiNetwork((4, 4, 4)),
        NucleiNetwork((4, 4, 4), is_folded=True),
        ImageNetwork(3, (4, 4, 4), passes=True),
        ObjectNetwork(2, 3, (4, 4, 4)),
    ],
    ids=["nuclei", "nuclei, folded", "image", "objects"],
)
def test_a_network_without_shuffles_answers_the_same_and_leaves_the_network_as_it_was(network: torch.nn.Module) -> None:
    network.eval()
    channels = network.down[0][0].in_channels // 4
    images = torch.rand(2, channels, 32, 64)
    before = network(images)

    after = without_shuffles(network)(images)

    assert torch.allclose(after, before, atol=1e-5)
    assert torch.equal(network(images), before)


def test_weights_go_to_full_resolution_and_back_unchanged() -> None:
    weight = torch.rand(5, 8, 3, 3)

    assert torch.equal(at_half_resolution(at_full_resolution(weight)), weight)


def test_an_exported_network_runs_without_shuffles_answers_alike_and_is_read_back(tmp_path: Path) -> None:
    network = NucleiNetwork((4, 4, 4), is_folded=True).eval()
    export_nuclei(network, tmp_path / "model.onnx")
    image = np.random.default_rng(0).random((1, 1, 64, 96), np.float32)

    (answer,) = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"]).run(
        None, {"image": image}
    )

    kinds = {node.op_type for node in onnx.load(str(tmp_path / "model.onnx")).graph.node}
    assert not kinds & {"DepthToSpace", "SpaceToDepth"}
    with torch.no_grad():
        assert np.allclose(answer, ExportedNetwork(network)(torch.from_numpy(image)), atol=1e-5)
        assert np.allclose(
            network(torch.from_numpy(image)), read_network(tmp_path / "model.onnx")(torch.from_numpy(image))
        )
