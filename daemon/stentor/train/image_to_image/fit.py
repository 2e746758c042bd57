"""Fit: an image-to-image training, from a function that draws examples to weights."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from stentor.train.device import training_device
from stentor.train.image_to_image.example import Example
from stentor.train.image_to_image.network import ImageNetwork
from stentor.train.image_to_image.settings import ImageSettings
from stentor.train.image_to_image.structure import structure
from stentor.train.loop import Loop
from stentor.train.split import Part

FLOOR = 1e-6
"""Mean squared error, as a share of the peak squared, below which nothing is gained."""


class ImageFit:
    """One training run, called from one thread: `ImageFit(settings, network, draw).run()`.

    The loss is the mean over the examples of the logarithm of the mean squared error, minus PSNR / 10, and of what is
    lacking in structural similarity.

    Parameters
    ----------
    draw
        Draws an example of one side of the split.
    """

    def __init__(
        self,
        settings: ImageSettings,
        network: ImageNetwork,
        draw: Callable[[np.random.Generator, Part], Example],
    ) -> None:
        self._device = training_device(settings.threads)
        cv2.setNumThreads(1)
        self.settings = settings
        self.network: ImageNetwork = network.to(self._device, memory_format=torch.channels_last)
        self._draw = draw
        self._rng = np.random.default_rng(settings.seed)
        self._watched = self._batch(Part.VALIDATION, np.random.default_rng(settings.seed), 3 * settings.batch)
        self.loop = Loop(
            self.network, settings, self._rng,
            loss=lambda: self._loss(*self._batch(Part.TRAIN, self._rng, settings.batch)),
            watched=lambda: float(self._loss(*self._watched)),
        )  # fmt: skip

    def run(self) -> ImageNetwork:
        """Train until the cosine has ended and return the network, in evaluation mode and on the CPU."""
        self.loop.run()
        self.network.cpu()
        return self.network

    def _batch(self, part: Part, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor, Tensor]:
        drawn = [self._draw(rng, part) for _ in range(size)]
        planes, wanted, gain = zip(*drawn, strict=True)
        return torch.from_numpy(np.stack(planes)), torch.from_numpy(np.stack(wanted)), torch.tensor(gain)

    def _loss(self, planes: Tensor, wanted: Tensor, gain: Tensor) -> Tensor:
        planes = planes.to(self._device, memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.settings.bfloat16):
            answer = self.network(planes)
        wanted, gain = wanted.to(self._device), gain.to(self._device)
        found, truth = (plane * gain[:, None, None] for plane in (answer[:, 0].float(), wanted))
        error = ((found - truth) ** 2).mean(dim=(1, 2))
        return (torch.log10(error + FLOOR) + 1 - structure(found, truth)).mean()
