"""Fitting: the training loop, seeded, resumable, and finished when its cosine has come down."""

import logging
import math
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from stentor.train.augment import draw_crop
from stentor.train.losses import nuclei_loss
from stentor.train.network import NucleiNetwork
from stentor.train.nuclei_data import Specimen
from stentor.train.settings import TrainSettings
from stentor.train.split import Part

logger = logging.getLogger(__name__)


class Fit:
    """One training run, called from one thread: `Fit(settings, specimens).run()`.

    A checkpoint of the same seed in `settings.scratch` is continued. `run` may be called again and returns at once.

    Attributes
    ----------
    step
        Optimiser steps done.
    spent_s
        Seconds trained, over all continuations.
    history
        Rows (step, loss of training crops, loss of fixed validation crops).
    """

    def __init__(self, settings: TrainSettings, specimens: list[Specimen]) -> None:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(1)
        self.settings = settings
        self.network: NucleiNetwork = NucleiNetwork().to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.step = 0
        self.spent_s = 0.0
        self.history: list[tuple[int, float, float]] = []
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
        self._checkpoint = Path(settings.scratch) / "checkpoint.pt"
        if self._checkpoint.exists():
            self._restore()

    @property
    def progress(self) -> float:
        """Share of the cosine that is done, by steps or by time, whichever is further; 0 to 1."""
        by_time = 0.0 if self.settings.minutes is None else self.spent_s / (60 * self.settings.minutes)
        return min(1.0, max(self.step / self.settings.steps, by_time))

    def run(self) -> NucleiNetwork:
        """Train until the cosine has ended and return the network, in evaluation mode."""
        begun = last_saved = last_said = time.monotonic()
        spent_before = self.spent_s
        recent: list[float] = []
        while self.progress < 1.0:
            recent.append(self._one_step())
            now = time.monotonic()
            self.spent_s = spent_before + now - begun
            if now - last_said > self.settings.progress_s:
                self._say(float(np.mean(recent)))
                recent, last_said = [], now
            if now - last_saved > self.settings.checkpoint_s:
                self.save()
                last_saved = now
        if recent:
            self._say(float(np.mean(recent)))
            self.save()
        self.network.eval()
        return self.network

    def save(self) -> None:
        """Write the checkpoint, replacing the old one only when the new one is whole."""
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(
            {
                "seed": self.settings.seed,
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "spent_s": self.spent_s,
                "history": self.history,
                "rng": self._rng.bit_generator.state,
            },
            partial,
        )
        partial.replace(self._checkpoint)

    def _restore(self) -> None:
        state: dict[str, Any] = torch.load(self._checkpoint, weights_only=True)
        if state["seed"] != self.settings.seed:
            return
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent_s, self.history = state["step"], state["spent_s"], list(state["history"])
        self._rng.bit_generator.state = state["rng"]
        logger.info("continuing at step %d after %.0f s", self.step, self.spent_s)

    def _one_step(self) -> float:
        rate = 0.5 * (1 + math.cos(math.pi * self.progress)) * min(1.0, (self.step + 1) / self.settings.warmup_steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * rate
        sets = list(self._by_set.values())
        chosen = [sets[index] for index in self._rng.choice(len(sets), self.settings.batch, p=self._shares)]
        picked = [members[int(self._rng.integers(len(members)))] for members in chosen]
        loss = self._loss(*self._batch(picked, self._rng, self.settings.batch))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _batch(self, specimens: list[Specimen], rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        crops = [
            draw_crop(
                specimens[index % len(specimens)],
                rng,
                crop_px=self.settings.crop_px,
                diameter_px=self.settings.object_diameter_px,
                scale_jitter=self.settings.scale_jitter,
            )
            for index in range(size)
        ]
        images = torch.from_numpy(np.stack([image for image, _ in crops])[:, None])
        return images, torch.from_numpy(np.stack([targets for _, targets in crops]))

    def _loss(self, images: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bfloat16):
            maps = self.network(images.contiguous(memory_format=torch.channels_last))
        return nuclei_loss(maps.float(), targets)

    def _say(self, loss: float) -> None:
        self.network.eval()
        with torch.no_grad():
            watched = float(self._loss(*self._watched))
        self.network.train()
        self.history.append((self.step, loss, watched))
        logger.info(
            "step %d, %.0f %% in %.0f s: loss %.4f, validation crops %.4f",
            self.step,
            100 * self.progress,
            self.spent_s,
            loss,
            watched,
        )
