"""Specimens: labelled images in memory, at the scale of the training, each with its side of the split."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ConfigError
from stentor.inference.normalise import percentiles
from stentor.train.settings import LabelledSet, TrainSettings
from stentor.train.split import Part, group_by_seams, part_of
from stentor.train.targets import IGNORED, ObjectTable, table_of

logger = logging.getLogger(__name__)

PERCENTILES = (1.0, 99.8)
ENDINGS = (".png", ".tif", ".tiff")


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """One labelled image.

    Attributes
    ----------
    image_yx
        As on disk, (Y, X) uint8 or uint16.
    scaled_yx
        (image - p1) / (p99.8 - p1), float32.
    labels_yx
        float32 (the type that cv2 warps): 0 background, `IGNORED` unknown, else the object.
    objects
        Centres and diameters in the pixels of the image.
    """

    stem: str
    set_name: str
    part: Part
    image_yx: NDArray[Any]
    scaled_yx: NDArray[np.float32]
    labels_yx: NDArray[np.float32]
    objects: ObjectTable


def load_specimens(settings: TrainSettings) -> list[Specimen]:
    """Read every set that is present.

    Raises
    ------
    ConfigError
        If the data folder holds none of the sets, or an image cannot be read.
    """
    found = [specimen for group in settings.sets for specimen in _load_set(Path(settings.data), group)]
    if not found:
        names = ", ".join(group.folder for group in settings.sets)
        raise ConfigError(f"{settings.data}: none of the folders {names} holds *.image.png; give --data their parent")
    return found


def load_own(folder: Path, *, split: bool) -> list[Specimen]:
    """Read somebody's own images: `NAME.image.png` beside `NAME.labels.png`, or .tif; sorted by name.

    Parameters
    ----------
    split
        Put every fifth image on the validation side, the last one at least; else all of them.

    Raises
    ------
    ConfigError
        If the folder holds none, or an image has no labels of its size.
    """
    group = LabelledSet(folder.name, 1.0, f"images of {folder.name}")
    paths = [path for end in ENDINGS for path in sorted(folder.glob(f"*.image{end}"))]
    if not paths:
        raise ConfigError(
            f"{folder}: holds no NAME.image.png (or .tif) beside NAME.labels.png, whose pixels are 0 for background "
            "and a number of its own for each object"
        )
    last = len(paths) - 1
    return [
        _specimen(
            path.parent, group, path.name.removesuffix(f".image{path.suffix}"), _read(path),
            Part.VALIDATION if not split or index % 5 == 4 or (0 < index == last < 4) else Part.TRAIN,
        )
        for index, path in enumerate(paths)
    ]  # fmt: skip


def _load_set(data: Path, group: LabelledSet) -> list[Specimen]:
    paths = sorted((data / group.folder).glob("*.image.png"))
    if not paths:
        logger.warning("%s is absent; training goes on without it", data / group.folder)
        return []
    stems = [path.name.removesuffix(".image.png") for path in paths]
    images = [_read(path) for path in paths]
    seams = group_by_seams(stems, images)
    return [
        _specimen(path.parent, group, stem, image, part_of(_field(group, seams[stem])))
        for path, stem, image in zip(paths, stems, images, strict=True)
    ]


def _field(group: LabelledSet, stem: str) -> str:
    match = re.match(group.field_of, stem)
    return match.group() if match else stem


def _specimen(folder: Path, group: LabelledSet, stem: str, image: NDArray[Any], part: Part) -> Specimen:
    labels = _read_labels(folder, f"{stem}{group.labels}").astype(np.int32)
    if labels.shape != image.shape:
        raise ConfigError(f"{folder / stem}: image {image.shape} and labels {labels.shape} differ in size")
    objects = table_of(labels)
    if group.ignored is not None:
        labels[(_read(folder / f"{stem}{group.ignored}") > 0) & (labels == 0)] = IGNORED
    low, high = percentiles(image, *PERCENTILES)
    scaled = (image.astype(np.float32) - low) / max(high - low, 1.0)
    return Specimen(stem, group.folder, part, image, scaled, labels.astype(np.float32), objects)


def _read_labels(folder: Path, name: str) -> NDArray[Any]:
    """Read a label image of that name, or of that name ending in .tif."""
    stem = name.removesuffix(".png")
    path = next((folder / f"{stem}{end}" for end in ENDINGS if (folder / f"{stem}{end}").exists()), folder / name)
    return _read(path)


def _read(path: Path) -> NDArray[Any]:
    """Read one plane, (Y, X); colour PNGs of grey images are reduced to their first channel."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ConfigError(f"{path}: cannot be read as an image; restore it or remove its stem from the set")
    return np.ascontiguousarray(image if image.ndim == 2 else image[:, :, 0])
