"""Image network: a small U-Net at half resolution from some planes to one."""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from stentor.train.network import ConvBlock

WIDTHS: Final = (16, 32, 64, 96)
"""Channels per level, from half resolution downwards."""

HALO_PX: Final = 112
"""No pixel further away changes an answer: 100 px through the gradient (see the tests), rounded up to the multiple."""


class ImageNetwork(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """Map (N, C, Y, X) float32 to (N, 1, Y, X); Y and X are multiples of 2 to the number of levels.

    The first plane of a restoration goes past the network as well: `passes` adds it to the answer, so that a clean
    image needs to learn nothing.
    """

    def __init__(self, channels: int, widths: tuple[int, ...] = WIDTHS, *, passes: bool) -> None:
        super().__init__()
        self.passes = passes
        self.unshuffle = nn.PixelUnshuffle(2)
        self.down = nn.ModuleList(
            ConvBlock(before, after) for before, after in zip((4 * channels, *widths[:-1]), widths, strict=True)
        )
        upwards = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.narrow = nn.ModuleList(nn.Conv2d(below, above, 1) for below, above in upwards)
        self.up = nn.ModuleList(ConvBlock(above, above) for _, above in upwards)
        self.head = nn.Conv2d(widths[0], 4, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, planes_nchw: Tensor) -> Tensor:
        """Return the image, shape (N, 1, Y, X)."""
        x = self.unshuffle(planes_nchw)
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for narrow, block in zip(self.narrow, self.up, strict=True):
            x = block(F.interpolate(narrow(x), scale_factor=2.0, mode="nearest") + skips.pop())
        answer = self.shuffle(self.head(x))
        return answer + planes_nchw[:, :1] if self.passes else answer
