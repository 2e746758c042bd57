"""Calibration: how well classes and their probabilities hold, and the temperature that makes them hold better."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

BINS: Final = 10


def confusion(class_n: NDArray[np.int64], found_n: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count objects by true class (row) and found class (column), shape (classes, classes)."""
    return np.bincount(class_n * classes + found_n, minlength=classes**2).reshape(classes, classes)


def balanced_accuracy(counts: NDArray[np.int64]) -> float:
    """Return the mean over the classes that are present of the share found right; NaN if there is none."""
    present = counts.sum(axis=1) > 0
    shares = np.diag(counts)[present] / counts.sum(axis=1)[present]
    return float(shares.mean()) if present.any() else float("nan")


def softmax(logits_nc: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities, shape (n, classes)."""
    scaled = logits_nc / temperature
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def best_temperature(
    logits_nc: NDArray[np.float64], class_n: NDArray[np.int64], weight_n: NDArray[np.float64]
) -> float:
    """Return the temperature with the least weighted log loss, between 0.2 and 10.

    References
    ----------
    Guo et al. 2017, ICML, "On Calibration of Modern Neural Networks".
    """

    def loss(log_temperature: float) -> float:
        probability = softmax(logits_nc, float(np.exp(log_temperature)))[np.arange(len(class_n)), class_n]
        return float(-(weight_n * np.log(np.maximum(probability, 1e-12))).sum() / weight_n.sum())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.2), np.log(10.0)), method="bounded").x))


def calibration_error(
    probability_nc: NDArray[np.float64], class_n: NDArray[np.int64], weight_n: NDArray[np.float64]
) -> float:
    """Return the mean gap between the likeliest class's probability and how often it is right, in ten bins (ECE).

    References
    ----------
    Naeini et al. 2015, AAAI, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    highest = probability_nc.max(axis=1)
    right = (probability_nc.argmax(axis=1) == class_n).astype(float)
    bins = np.minimum((highest * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, weight_n * (right - highest), minlength=BINS)
    return float(np.abs(gap).sum() / weight_n.sum())


def class_weights(class_n: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return a weight for each object that makes all classes that are present weigh the same, shape (n,)."""
    return np.asarray(1.0 / np.maximum(np.bincount(class_n, minlength=classes), 1)[class_n])
