"""Denoise: low-light examples made from clean planes, and how well they are restored beside classical filters."""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ConfigError
from stentor.inference.image_to_image import ImageModel
from stentor.inference.normalise import scale_of
from stentor.train.image_to_image.camera import exposed
from stentor.train.image_to_image.clean_planes import clean_planes
from stentor.train.image_to_image.example import Example
from stentor.train.image_to_image.similarity import psnr_db, ssim
from stentor.train.nuclei_data import load_specimens
from stentor.train.settings import TrainSettings
from stentor.train.split import Part

LOW_PERCENT: Final = 1.0
HIGH_PERCENT: Final = 99.8
CROP_PX: Final = 128
WHOLE_PLANE: Final = 0.8
"""Share of examples that are normalised by their whole plane, the others by themselves."""

OVERVIEW_PX: Final = 16384
STATED_PHOTONS: Final = 10.0
STATED_READ_NOISE_E: Final = 1.0
"""The noise at which accuracy is stated."""

GAIN: Final = 20.0
OFFSET: Final = 500.0
"""Of the camera in measurements: counts per electron, so that rounding costs nothing, and counts in the dark."""

SIGMAS_PX: Final = (1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 3.6)
STRENGTHS: Final = (8.0, 12.0, 16.0, 20.0, 26.0)

Planes = dict[Part, list[NDArray[np.float32]]]


def load_planes(data: str) -> Planes:
    """Read the clean planes of every nuclei set that is present.

    Raises
    ------
    ConfigError
        If there is none on the training side.
    """
    planes = clean_planes(load_specimens(TrainSettings(data=data, out="", scratch="")))
    if not planes[Part.TRAIN]:
        raise ConfigError(f"{data}: holds no image that is clean enough to stand for the truth")
    return planes


def example(planes: Planes, rng: np.random.Generator, part: Part) -> Example:
    """Draw a crop at any scale and light level, as a camera sees it, normalised as in the daemon.

    Light is log-uniform between 3 and 100 photons at the peak, read noise between 0.3 and 3 electrons.
    """
    choice = planes[part] or planes[Part.TRAIN]
    plane = choice[int(rng.integers(len(choice)))]
    bend = np.float32(2.0 ** rng.uniform(-0.4, 0.4))
    peak = 10 ** rng.uniform(0.5, 2.0)
    background = peak * rng.uniform(0.0, 0.15) * (rng.random() < 0.5)
    read_noise_e = rng.uniform(0.3, 3.0)

    def light(clean: NDArray[np.float32]) -> NDArray[np.float32]:
        return (peak * np.maximum(clean, 0.0) ** bend + background).astype(np.float32)

    photons = light(_crop(plane, rng))
    counts = exposed(photons, rng, read_noise_e=read_noise_e)
    # The daemon's percentiles are of whole planes. Where nuclei are rare they are of the noise alone, and nuclei lie
    # far above 1; trained on the percentiles of crops, the network lost 4 dB on such planes (2026-11-24).
    seen = counts
    if rng.random() < WHOLE_PLANE:
        step = max(1, int((plane.size / OVERVIEW_PX) ** 0.5))
        seen = exposed(light(plane[::step, ::step]), rng, read_noise_e=read_noise_e)
    low, span = scale_of(seen, LOW_PERCENT, HIGH_PERCENT)
    planes_cyx = ((counts - np.float32(low)) / np.float32(span))[None]
    return planes_cyx, (photons - np.float32(low)) / np.float32(span), float(span / peak)


def _crop(plane: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    scale = min(1.4 ** rng.uniform(-1.0, 1.0), min(plane.shape) / 24)
    side = min(round(CROP_PX / scale), *plane.shape)
    y, x = (int(rng.integers(0, length - side + 1)) for length in plane.shape)
    window = np.rot90(plane[y : y + side, x : x + side], int(rng.integers(4)))
    if rng.random() < 0.5:
        window = window[:, ::-1]
    how = cv2.INTER_AREA if side > CROP_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(window), (CROP_PX, CROP_PX), interpolation=how), np.float32)


def measure_denoising(model: ImageModel, planes: Planes, part: Part) -> dict[str, float]:
    """Return mean PSNR and SSIM of the model, of the noisy planes, and of filters tuned on the validation side."""
    sigma = _best(planes[Part.VALIDATION], SIGMAS_PX, gaussian)
    strength = _best(planes[Part.VALIDATION], STRENGTHS, non_local_means)
    methods: dict[str, Callable[[NDArray[Any]], NDArray[np.float32]]] = {
        "": lambda counts: _electrons(model.predict([counts])),
        "_noisy": _electrons,
        "_gaussian": lambda counts: gaussian(_electrons(counts), sigma),
        "_non_local_means": lambda counts: non_local_means(_electrons(counts), strength),
    }
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for number, plane in enumerate(planes[part]):
        clean, counts = low_light(plane, number)
        for name, restore in methods.items():
            restored = restore(counts)
            scores[name].append((psnr_db(restored, clean, STATED_PHOTONS), ssim(restored, clean, STATED_PHOTONS)))
    measures = {}
    for name, rows in scores.items():
        measures[f"psnr_db{name}"], measures[f"ssim{name}"] = (round(float(v), 4) for v in np.mean(rows, axis=0))
    return measures


def low_light(plane: NDArray[np.float32], seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Return expected photons and the counts of a camera at the stated light, both (Y, X)."""
    clean = (STATED_PHOTONS * np.minimum(plane, 1.0)).astype(np.float32)
    rng = np.random.default_rng(seed)
    counts = exposed(clean, rng, read_noise_e=STATED_READ_NOISE_E, gain=GAIN, offset=OFFSET)
    return clean, np.clip(np.rint(counts), 0, 65535).astype(np.uint16)


def gaussian(electrons_yx: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Return the plane after a Gaussian filter."""
    return np.asarray(cv2.GaussianBlur(electrons_yx, (0, 0), sigma_px), np.float32)


def non_local_means(electrons_yx: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Return the plane after non-local means on eight bits, its noise made even by a generalised Anscombe transform.

    References
    ----------
    Buades et al. 2005, CVPR, "A non-local algorithm for image denoising"; Makitalo & Foi 2013, IEEE TIP, "Optimal
    inversion of the generalized Anscombe transformation for Poisson-Gaussian noise".
    """
    even = 2 * np.sqrt(np.maximum(electrons_yx + 0.375 + STATED_READ_NOISE_E**2, 0.0))
    low, high = float(even.min()), float(even.max())
    eight = np.rint((even - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
    smooth = cv2.fastNlMeansDenoising(eight, None, strength * 8 / max(high - low, 1e-6), 5, 15)
    back = np.asarray(smooth, np.float32) / 255 * (high - low) + low
    return np.asarray((back / 2) ** 2 - 0.125 - STATED_READ_NOISE_E**2, np.float32)


def _electrons(counts_yx: NDArray[Any]) -> NDArray[np.float32]:
    return ((counts_yx.astype(np.float32) - np.float32(OFFSET)) / np.float32(GAIN)).astype(np.float32)


def _best(
    planes: list[NDArray[np.float32]],
    values: tuple[float, ...],
    restore: Callable[[NDArray[np.float32], float], NDArray[np.float32]],
) -> float:
    """Return the value of a filter's parameter with the best mean PSNR."""
    made = [low_light(plane, seed) for seed, plane in enumerate(planes[:24])]
    means = [
        np.mean([psnr_db(restore(_electrons(counts), value), clean, STATED_PHOTONS) for clean, counts in made])
        for value in values
    ]
    return values[int(np.argmax(means))]


def pictures(model: ImageModel, planes: Planes) -> list[list[NDArray[np.float32]]]:
    """Return rows of camera image, best Gaussian, restored and truth, in electrons, 160 x 160."""
    sigma = _best(planes[Part.VALIDATION], SIGMAS_PX, gaussian)
    rows = []
    for number in np.linspace(0, len(planes[Part.TEST]) - 1, 4).astype(int).tolist():
        clean, counts = low_light(planes[Part.TEST][number], number)
        images = (_electrons(counts), gaussian(_electrons(counts), sigma), _electrons(model.predict([counts])), clean)
        rows.append([image[:160, :160] for image in images])
    return rows
