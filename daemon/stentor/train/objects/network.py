"""Object network: a small convolutional network that judges one crop, and sees its integrated light as well."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from stentor.train.network import ConvBlock
from stentor.train.shuffles import without_shuffles

WIDTHS: Final = (24, 48, 64)
"""Channels per level, from half resolution downwards."""


class ObjectNetwork(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """Map crops (N, C, S, S) float32 to logits (N, classes); S is a multiple of 8.

    Beside the pooled features stand mean and maximum of each channel of the crop: the amount of DNA is a sum, which
    normalisation within the network would hide.
    """

    def __init__(self, channels: int, classes: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.unshuffle = nn.PixelUnshuffle(2)
        self.down = nn.ModuleList(
            ConvBlock(before, after) for before, after in zip((4 * channels, *widths[:-1]), widths, strict=True)
        )
        self.hidden = nn.Linear(2 * widths[-1] + 2 * channels, 64)
        self.dropout = nn.Dropout(0.3)
        self.logits = nn.Linear(64, classes)

    def forward(self, crops_nchw: Tensor) -> Tensor:
        """Return logits, shape (N, classes)."""
        x = self.unshuffle(crops_nchw)
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
        light = torch.cat([4 * crops_nchw.mean((2, 3)), crops_nchw.amax((2, 3))], dim=1)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3)), light], dim=1)
        return self.logits(self.dropout(F.relu(self.hidden(pooled))))


class ExportedObjectNetwork(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """The network as shipped: `without_shuffles`, with calibrated probabilities (logits over a temperature)."""

    def __init__(self, network: ObjectNetwork, temperature: float) -> None:
        super().__init__()
        self.network = without_shuffles(network)
        self.temperature = temperature

    def forward(self, crops_nchw: Tensor) -> Tensor:
        """Return probabilities, shape (N, classes), each row with sum 1."""
        return torch.softmax(self.network(crops_nchw) / self.temperature, dim=1)
