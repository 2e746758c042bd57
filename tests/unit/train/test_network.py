"""The network reaches exactly as far as its card says, and its export holds nothing that folds away."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training is an extra: pip install 'stentor[train]'")
onnx = pytest.importorskip("onnx", reason="training is an extra: pip install 'stentor[train]'")

from stentor.train.export import export_nuclei  # noqa: E402 - only where torch is
from stentor.train.losses import nuclei_loss  # noqa: E402
from stentor.train.network import HALO_PX, SIZE_MULTIPLE, NucleiNetwork, parameter_count  # noqa: E402


def test_no_pixel_beyond_the_halo_changes_an_answer_and_one_at_its_rim_does() -> None:
    torch.manual_seed(0)
    network = NucleiNetwork(widths=(2, 2, 2, 2, 2)).eval()
    for parameter in network.parameters():
        # All weights positive: no ReLU closes, and no path cancels another.
        parameter.data.abs_().add_(0.1)
    network = network.double()
    image = torch.rand(1, 1, 512, 512, dtype=torch.float64, requires_grad=True)
    reach = 0

    # How far depends on where a pixel lies in the coarsest grid; the first and the last of these reach furthest.
    for place in (8 * SIZE_MULTIPLE + 2, 8 * SIZE_MULTIPLE + 15, 8 * SIZE_MULTIPLE + 29):
        image.grad = None
        network(image)[0, :, place, place].sum().backward()
        rows = torch.nonzero(image.grad[0, 0])[:, 0]
        reach = max(reach, place - int(rows.min()), int(rows.max()) - place)

    assert reach <= HALO_PX
    assert reach > HALO_PX - SIZE_MULTIPLE


def test_batch_normalisation_is_folded_into_the_export(tmp_path: Path) -> None:
    export_nuclei(NucleiNetwork().eval(), tmp_path / "model.onnx")

    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    assert "BatchNormalization" not in {node.op_type for node in graph.node}
    assert [entry.name for entry in (*graph.input, *graph.output)] == ["image", "maps"]


def test_a_batch_that_is_ignored_everywhere_has_a_finite_loss() -> None:
    loss = nuclei_loss(torch.randn(2, 4, 32, 32), torch.zeros(2, 5, 32, 32))

    assert torch.isfinite(loss)


def test_the_loss_of_a_right_answer_is_far_below_that_of_a_wrong_one() -> None:
    targets = torch.zeros(1, 5, 32, 32)
    targets[:, 0, 8:20, 8:20] = targets[:, 1, 12:16, 12:16] = targets[:, 4] = 1.0
    right = torch.zeros(1, 4, 32, 32)
    right[:, :2] = 20 * (targets[:, :2] - 0.5)

    assert nuclei_loss(right, targets) < 0.05 < nuclei_loss(-right, targets)


def test_the_network_stays_small() -> None:
    assert 1_000_000 < parameter_count(NucleiNetwork()) < 1_300_000
