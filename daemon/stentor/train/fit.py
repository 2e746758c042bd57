"""Fit: the nuclei network's training, from specimens to weights."""

from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from stentor.train.augment import draw_crop
from stentor.train.device import training_device
from stentor.train.loop import Loop
from stentor.train.losses import nuclei_loss
from stentor.train.network import NucleiNetwork
from stentor.train.nuclei_data import Specimen
from stentor.train.settings import TrainSettings
from stentor.train.split import Part

CALM_FROM: Final = 0.8
CALM: Final = 0.3
"""From this share of the training on, crops are less unlike real images: what was learned in the storm stays, and the
thresholds settle on what microscopes mostly show.
"""


class Fit:
    """One training run, called from one thread: `Fit(settings, specimens).run()`; see `Loop` for what may be repeated.

    Attributes
    ----------
    loop
        Its `step`, `spent_s` and `history` tell how far the training is.
    """

    def __init__(
        self, settings: TrainSettings, specimens: list[Specimen], network: NucleiNetwork | None = None
    ) -> None:
        """Take what to learn from; `network` is trained on, None: begin with a new one."""
        torch.manual_seed(settings.seed)
        self._device = training_device(settings.threads)
        cv2.setNumThreads(1)
        self.settings = settings
        chosen = NucleiNetwork() if network is None else network
        self.network: NucleiNetwork = chosen.to(self._device, memory_format=torch.channels_last)
        self._rng = np.random.default_rng(settings.seed)
        self._by_set = {
            group.folder: members
            for group in settings.sets
            if (members := [s for s in specimens if s.set_name == group.folder and s.part is Part.TRAIN])
        }
        shares = np.array([group.share for group in settings.sets if group.folder in self._by_set])
        self._shares = shares / shares.sum()
        watched = [s for s in specimens if s.part is Part.VALIDATION] or specimens
        self._watched = self._batch(watched, np.random.default_rng(settings.seed), 4 * settings.batch)
        self.loop = Loop(
            self.network, settings, self._rng, loss=self._next_loss, watched=lambda: float(self._loss(*self._watched))
        )

    def run(self) -> NucleiNetwork:
        """Train until the cosine has ended and return the network, in evaluation mode and on the CPU."""
        self.loop.run()
        self.network.cpu()
        return self.network

    def _next_loss(self) -> Tensor:
        sets = list(self._by_set.values())
        chosen = [sets[index] for index in self._rng.choice(len(sets), self.settings.batch, p=self._shares)]
        picked = [members[int(self._rng.integers(len(members)))] for members in chosen]
        strength = 1.0 if self.loop.progress < CALM_FROM else CALM
        return self._loss(*self._batch(picked, self._rng, self.settings.batch, strength))

    def _batch(
        self, specimens: list[Specimen], rng: np.random.Generator, size: int, strength: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        crops = [
            draw_crop(
                specimens[index % len(specimens)],
                rng,
                crop_px=self.settings.crop_px,
                diameter_px=self.settings.object_diameter_px,
                scale_jitter=self.settings.scale_jitter,
                strength=strength,
            )
            for index in range(size)
        ]
        images = torch.from_numpy(np.stack([image for image, _ in crops])[:, None])
        return images, torch.from_numpy(np.stack([targets for _, targets in crops]))

    def _loss(self, images: Tensor, targets: Tensor) -> Tensor:
        images = images.to(self._device, memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.settings.bfloat16):
            maps = self.network(images)
        return nuclei_loss(maps.float(), targets.to(self._device))
