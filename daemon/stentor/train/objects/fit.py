"""Fit: a classifier's training, from judged objects to calibrated probabilities."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from stentor.train.device import training_device
from stentor.train.loop import Loop
from stentor.train.objects.calibration import best_temperature, class_weights
from stentor.train.objects.judged_objects import JudgedObjects
from stentor.train.objects.network import ObjectNetwork
from stentor.train.objects.settings import ObjectSettings
from stentor.train.objects.variation import vary_crops
from stentor.train.split import Part

SMOOTHING = 0.05
"""Share of the truth given to the other classes: the phases pass into each other, and some labels are wrong."""


class ObjectFit:
    """One training run, called from one thread: `ObjectFit(settings, objects, classes).run()`, then `temperature`.

    Attributes
    ----------
    loop
        Its `step`, `spent_s` and `history` tell how far the training is.
    """

    def __init__(self, settings: ObjectSettings, objects: JudgedObjects, classes: int) -> None:
        torch.manual_seed(settings.seed)
        self._device = training_device(settings.threads)
        cv2.setNumThreads(1)
        self.settings = settings
        self.network: ObjectNetwork = ObjectNetwork(objects.crops_nchw.shape[1], classes).to(self._device)
        self._rng = np.random.default_rng(settings.seed)
        self._learned = objects.on(Part.TRAIN)
        self._watched = objects.on(Part.VALIDATION)
        # Each class equally often, and within a class each set: a rare set must not be drowned.
        groups = self._learned.class_n.astype(str) + self._learned.set_n
        counts = dict(zip(*np.unique(groups, return_counts=True), strict=True))
        sets = {c: len(set(self._learned.set_n[self._learned.class_n == c])) for c in set(self._learned.class_n)}
        share = np.array([1 / counts[g] / sets[c] for g, c in zip(groups, self._learned.class_n, strict=True)])
        self._share = share / share.sum()
        self.loop = Loop(self.network, settings, self._rng, loss=self._next_loss, watched=self._watched_loss)

    def run(self) -> ObjectNetwork:
        """Train until the cosine has ended and return the network, in evaluation mode and on the CPU."""
        self.loop.run()
        self._device = torch.device("cpu")
        self.network.cpu()
        return self.network

    def temperature(self) -> float:
        """Return the temperature that calibrates the trained network on the validation side, all classes alike."""
        weight = class_weights(self._watched.class_n, self.network.logits.out_features)
        return best_temperature(self.logits(self._watched), self._watched.class_n, weight)

    def unsure_below(self, temperature: float, share: float) -> float:
        """Return the probability that the likeliest class of that share of the validation side stays below."""
        logits = self.logits(self._watched) / temperature
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return round(float(np.quantile(1 / odds.sum(axis=1), share)), 3)

    def logits(self, objects: JudgedObjects) -> NDArray[np.float64]:
        """Return the network's logits, shape (n, classes)."""
        self.network.eval()
        with torch.no_grad():
            parts = [
                self.network(torch.from_numpy(part).to(self._device)).cpu()
                for part in np.array_split(objects.crops_nchw, 16)
                if len(part)
            ]
        return np.asarray(torch.cat(parts).numpy(), np.float64)

    def _next_loss(self) -> Tensor:
        chosen = self._rng.choice(len(self._learned), self.settings.batch, p=self._share)
        crops = vary_crops(self._learned.crops_nchw[chosen], self._rng, gain=self.settings.gain)
        logits = self.network(torch.from_numpy(crops).to(self._device))
        wanted = torch.from_numpy(self._learned.class_n[chosen]).to(self._device)
        return F.cross_entropy(logits, wanted, label_smoothing=SMOOTHING)

    def _watched_loss(self) -> float:
        weight = class_weights(self._watched.class_n, self.network.logits.out_features)
        logits = torch.from_numpy(self.logits(self._watched))
        loss = F.cross_entropy(logits, torch.from_numpy(self._watched.class_n), reduction="none").numpy()
        return float((loss * weight).sum() / weight.sum())
