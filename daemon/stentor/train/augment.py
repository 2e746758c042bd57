"""Augmentation: one specimen, many microscopes: other scales, orientations, exposures, noise and cameras."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.inference.normalise import compress
from stentor.train.crowd import crowd
from stentor.train.distractors import add_distractors, empty_field, stretched
from stentor.train.nuclei_data import Specimen
from stentor.train.targets import IGNORED, ObjectTable, draw_targets

Crop = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Network input (Y, X) and targets (5, Y, X)."""

EMPTY_SHARE: Final = 0.04
"""Of the crops, those that show nothing: a model that never saw one finds nuclei in noise."""

NO_OBJECTS: Final = ObjectTable(*(np.zeros(1, np.float32) for _ in range(3)))


def draw_crop(
    specimen: Specimen,
    rng: np.random.Generator,
    *,
    crop_px: int,
    diameter_px: float,
    scale_jitter: float,
    strength: float = 1.0,
) -> Crop:
    """Cut a random, randomly changed square out of a specimen.

    Parameters
    ----------
    diameter_px
        Mean diameter that the objects should have in the crop, before it is varied by a factor between
        1 / `scale_jitter` and `scale_jitter`.
    strength
        Share of the usual probability of what makes a crop unlike the specimen's own images: crowds, distractors,
        empty fields, odd angles, strong noise and saturation.
    """
    if rng.random() < strength * EMPTY_SHARE:
        targets = draw_targets(np.zeros((crop_px, crop_px), np.float32), NO_OBJECTS)
        return compress(empty_field((crop_px, crop_px), diameter_px, rng)), targets
    mean_px = specimen.objects.mean_diameter_px or diameter_px
    scale = diameter_px / mean_px * scale_jitter ** rng.uniform(-1.0, 1.0)
    affine = _placement(specimen.scaled_yx.shape, specimen.objects, scale, crop_px, rng, strength)
    size = (crop_px, crop_px)
    # Shrinking by more than two needs an area average, or noise aliases into texture.
    source = cv2.blur(specimen.scaled_yx, (k, k)) if (k := int(1 / scale + 0.5)) > 1 else specimen.scaled_yx
    image = cv2.warpAffine(source, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    labels = cv2.warpAffine(
        specimen.labels_yx,
        affine,
        size,
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(IGNORED),
    )
    plane, known, objects = np.asarray(image), np.asarray(labels), specimen.objects.mapped(affine)
    if rng.random() < 0.25 * strength:
        plane, known, objects = crowd(plane, known, objects, rng)
    if rng.random() < 0.25 * strength:
        plane = _unequal(plane, known, rng)
    if rng.random() < strength:
        plane = add_distractors(plane, known, diameter_px, rng)
    return compress(vary(plane, rng, strength)), draw_targets(known, objects)


def _placement(
    shape_yx: tuple[int, ...],
    objects: ObjectTable,
    scale: float,
    crop_px: int,
    rng: np.random.Generator,
    strength: float,
) -> NDArray[np.float64]:
    """Return the affine source -> crop: scale, an orientation, a window inside the image if it fits.

    Half of the windows are laid over an object, as most of a sparse field is background. Half of them keep the grid
    (one of eight orientations); the others are turned by any angle and stretched by up to a fifth.
    """
    height, width = shape_yx
    half = crop_px / 2 / scale
    present = np.flatnonzero(objects.diameter_px)
    if present.size and rng.random() < 0.5:
        chosen = rng.choice(present)
        aim = [float(at[chosen]) + rng.uniform(-half, half) / 2 for at in (objects.y_px, objects.x_px)]
    else:
        aim = [rng.uniform(0, length) for length in (height, width)]
    y, x = (
        min(max(at, half), length - half) if length > 2 * half else length / 2
        for at, length in zip(aim, (height, width), strict=True)
    )
    turn = np.eye(2)
    for _ in range(int(rng.integers(4))):
        turn = np.array([[0.0, -1.0], [1.0, 0.0]]) @ turn
    if rng.random() < 0.5:
        turn = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ turn
    if rng.random() < 0.5 * strength:
        angle, stretch = rng.uniform(-np.pi / 4, np.pi / 4), 1.1 ** rng.uniform(-1.0, 1.0)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ turn
        turn = turn @ np.diag([stretch, 1 / stretch])
    linear = scale * turn
    shift = np.array([crop_px / 2 - 0.5, crop_px / 2 - 0.5]) - linear @ np.array([x - 0.5, y - 0.5])
    return np.column_stack([linear, shift])


def _unequal(
    scaled: NDArray[np.float32], labels_yx: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Make single objects up to four times as bright, as condensed chromatin and dead cells are; others dimmer."""
    gain = np.ones(int(labels_yx.max()) + 2, np.float32)
    chosen = rng.random(gain.size) < rng.uniform(0.05, 0.4)
    gain[chosen] = 2.0 ** rng.uniform(-1.5, 2.0, int(chosen.sum()))
    gain[[0, -1]] = 1.0
    field = gain[labels_yx.astype(np.intp)]
    return np.asarray(scaled * cv2.GaussianBlur(field, (0, 0), 0.8), np.float32)


def vary(scaled: NDArray[np.float32], rng: np.random.Generator, strength: float = 1.0) -> NDArray[np.float32]:
    """Change the exposure, contrast, focus, noise, background and bit depth of a scaled plane, (Y, X) float32.

    `strength` as in `draw_crop`.
    """
    image: NDArray[Any] = np.clip(scaled, -0.2, 8.0)
    if rng.random() < 0.5:
        image = np.sign(image) * np.abs(image) ** np.float32(2.0 ** rng.uniform(-0.6, 0.6))
    if rng.random() < 0.7:
        image = image * np.float32(2.0 ** rng.uniform(-1.2, 0.7))
    elif rng.random() < 0.2 * strength:
        image = image * np.float32(2.0 ** rng.uniform(-3.0, -1.2))
    if rng.random() < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4 + 0.8 * strength))))
    if rng.random() < 0.4:
        image = image + _haze(image.shape, rng)
    if rng.random() < 0.5:
        image = image + _noise(image, rng)
    if rng.random() < 0.1:
        image = np.round(image * np.float32(levels := rng.integers(12, 64))) / np.float32(levels)
    if rng.random() < 0.3:
        image = image + np.float32(rng.normal(0.0, 0.03))
    if rng.random() < 0.1 * strength:
        # A dim field: its noise is most of what the percentiles span.
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = stretched(image + np.float32(rng.uniform(0.1, 0.5)) * noise)
    if rng.random() < 0.1 * strength:
        image = np.minimum(image, np.float32(rng.uniform(0.25, 0.9)))
    return np.ascontiguousarray(image, dtype=np.float32)


def _haze(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth background, four random values over the plane, up to 0.25 of full scale."""
    corners = rng.uniform(0.0, rng.uniform(0.02, 0.25), (3, 3)).astype(np.float32)
    return np.asarray(cv2.resize(corners, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def _noise(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return noise whose variance has a constant (read) and a proportional (shot) share, (Y, X) float32."""
    read = rng.uniform(0.002, 0.04)
    shot = rng.uniform(0.0, 0.04)
    deviation = np.sqrt(np.float32(read**2) + np.float32(shot**2) * np.maximum(image, 0.0) * 4)
    return np.asarray(deviation * rng.standard_normal(image.shape, dtype=np.float32))
