"""Shuffles as a shipped network holds them: pixels change places in kernels that use every processor core.

Training goes to half resolution and back by pixel-unshuffle and pixel-shuffle [1]. ONNX Runtime moves those pixels one
by one on a single thread: 4.7 of the 28 ms of the nuclei network at 480 x 480 pixels, by its own profile (two cores of
an AMD EPYC, 2026-11-25). The same numbers come from a strided convolution, and from two transposes that each move one
axis, in 0.7 ms.

[1] W. Shi et al., Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
network, CVPR 2016, doi:10.1109/CVPR.2016.207
"""

import copy

import torch
from torch import Tensor, nn


class SteppedPixelShuffle(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """Map (N, 4 C, Y, X) to (N, C, 2 Y, 2 X) as `nn.PixelShuffle(2)` does: first along x, then along y."""

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return the image at twice the resolution."""
        batch, _, height, width = x_nchw.shape
        rows = x_nchw.reshape(-1, 2, height * width).transpose(1, 2)
        planes = rows.reshape(-1, 2, height, 2 * width).transpose(1, 2)
        return planes.reshape(batch, -1, 2 * height, 2 * width)


def without_shuffles(network: nn.Module) -> nn.Module:
    """Return a copy for the export of a network that begins with `unshuffle` and `down`, and may end with `shuffle`.

    It answers as the network does, but for rounding.
    """
    plain = copy.deepcopy(network)
    plain.unshuffle = nn.Identity()
    plain.down[0][0] = _from_full_resolution(plain.down[0][0])
    if hasattr(plain, "shuffle"):
        plain.shuffle = SteppedPixelShuffle()
    return plain


def at_half_resolution(weight_oiyx: Tensor) -> Tensor:
    """Return the weights (O, 4 I, 3, 3) behind a pixel-unshuffle that do what (O, I, 6, 6) with a stride of 2 do.

    An exported network is read back with it; see `at_full_resolution` for the other way.
    """
    outputs, inputs = weight_oiyx.shape[:2]
    return weight_oiyx.reshape(outputs, inputs, 3, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(outputs, -1, 3, 3)


def at_full_resolution(weight_oiyx: Tensor) -> Tensor:
    """Return the weights (O, I, 6, 6) with a stride of 2 that do what (O, 4 I, 3, 3) do behind a pixel-unshuffle."""
    outputs = weight_oiyx.shape[0]
    return weight_oiyx.reshape(outputs, -1, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3).reshape(outputs, -1, 6, 6)


def _from_full_resolution(convolution: nn.Conv2d) -> nn.Conv2d:
    with torch.no_grad():
        weight = at_full_resolution(convolution.weight)
        strided = nn.Conv2d(
            weight.shape[1], weight.shape[0], 6, stride=2, padding=2, bias=convolution.bias is not None,
        )  # fmt: skip
        strided.weight.copy_(weight)
        if convolution.bias is not None:
            strided.bias.copy_(convolution.bias)
    return strided
