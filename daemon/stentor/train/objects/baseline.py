"""Baseline: logistic regression on the mean, spread and maximum of each channel of a crop."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from stentor.train.objects.calibration import balanced_accuracy, class_weights, confusion
from stentor.train.objects.judged_objects import JudgedObjects
from stentor.train.split import Part

STEPS = 100


def baseline_accuracy(objects: JudgedObjects, classes: int, part: Part) -> float:
    """Fit on the training side, all classes weighing alike, and return the balanced accuracy on another side."""
    torch.manual_seed(0)
    learned, judged = objects.on(Part.TRAIN), objects.on(part)
    features = _features(learned)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    x, y = torch.from_numpy((features - mean) / spread), torch.from_numpy(learned.class_n)
    weight = torch.from_numpy(class_weights(learned.class_n, classes))
    layer = nn.Linear(x.shape[1], classes, dtype=torch.float64)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=STEPS)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = (F.cross_entropy(layer(x), y, reduction="none") * weight).sum() / weight.sum()
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        found = layer(torch.from_numpy((_features(judged) - mean) / spread)).argmax(dim=1).numpy()
    return balanced_accuracy(confusion(judged.class_n, found, classes))


def _features(objects: JudgedObjects) -> NDArray[np.float64]:
    crops = objects.crops_nchw.astype(np.float64)
    return np.concatenate([crops.mean((2, 3)), crops.std((2, 3)), crops.max((2, 3))], axis=1)
