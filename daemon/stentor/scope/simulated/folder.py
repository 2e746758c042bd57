"""Folder specimen: nuclei cut from a user's own labelled images."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from stentor.core.errors import ConfigError
from stentor.scope.simulated.sprites import SpriteBank, standardise

MAX_SPRITES = 256
_MARGIN_PX = 6
_MIN_AREA_PX = 120


def cut_sprites(folder: Path) -> SpriteBank:
    """Cut isolated nuclei out of a folder of `NAME.image.png` beside `NAME.labels.png` (or `NAME.nuclei.png`).

    A nucleus is taken when it touches neither the border nor another label, and is between half and twice the
    folder's median area; at most `MAX_SPRITES`, spread over the images.

    Raises
    ------
    ConfigError
        If the folder is missing, holds no such pairs, or no nucleus in it can be used.
    """
    pairs = _pairs(folder)
    found: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = []
    share = -(-MAX_SPRITES // len(pairs))
    for image_path, labels_path in pairs:
        image = cv2.imread(str(image_path), cv2.IMREAD_UNCHANGED)
        labels = cv2.imread(str(labels_path), cv2.IMREAD_UNCHANGED)
        if image is None or labels is None or image.ndim != 2 or labels.shape != image.shape:
            raise ConfigError(f"{image_path}: not a grey image with labels of its size; repair it or take it away")
        found += _cut(image.astype(np.float32), labels, share)
    if not found:
        raise ConfigError(f"{folder}: no nucleus stands free of its neighbours and the border; use other images")
    areas = np.array([mask.sum() for _, mask in found])
    usual = (areas > 0.5 * np.median(areas)) & (areas < 2.0 * np.median(areas))
    kept = [standardise(*item) for item, keep in zip(found, usual, strict=True) if keep][:MAX_SPRITES]
    images, outlines, axes = zip(*kept, strict=True)
    return SpriteBank(np.stack(images), np.stack(outlines), np.stack(axes))


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    if not folder.is_dir():
        raise ConfigError(f'specimen {str(folder)!r}: no such folder; give a folder of labelled images or "procedural"')
    pairs = []
    for image in sorted(folder.glob("*.image.*")):
        for word in ("labels", "nuclei"):
            labels = image.with_name(image.name.replace(".image.", f".{word}."))
            if labels.exists():
                pairs.append((image, labels))
    if not pairs:
        raise ConfigError(f"{folder}: no NAME.image.png beside NAME.labels.png; name the files so")
    return pairs


def _cut(
    image: NDArray[np.float32], labels: NDArray[np.integer], most: int
) -> list[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    cuts: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = []
    for number, box in enumerate(find_objects(labels.astype(np.int32)), 1):
        if box is None or len(cuts) == most:
            continue
        top, left = box[0].start - _MARGIN_PX, box[1].start - _MARGIN_PX
        bottom, right = box[0].stop + _MARGIN_PX, box[1].stop + _MARGIN_PX
        if top < 0 or left < 0 or bottom > labels.shape[0] or right > labels.shape[1]:
            continue
        window = (slice(top, bottom), slice(left, right))
        inside = labels[window] == number
        if inside.sum() < _MIN_AREA_PX or np.any((labels[window] != 0) & ~inside):
            continue
        background = float(np.percentile(image[window][~inside], 20))
        # The glow around a nucleus is the microscope's, not its own: fade it out over the margin.
        near = np.clip(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.5) * 2.5, 0, 1)
        cuts.append((np.clip(image[window] - background, 0, None) * near, inside))
    return cuts
