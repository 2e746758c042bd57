"""Micronuclei: nuclei of labelled fields, each with whether a micronucleus lies beside it."""

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ConfigError
from stentor.inference.card import ChannelScale
from stentor.inference.crops import cut
from stentor.inference.measure import measure
from stentor.train.objects.judged_objects import JudgedObjects, parts_of

FOLDER: Final = "nuclei_micronuclei"
ORIGIN: Final = "training and validation images of mnfinder 1.2.3, MIT"
CLASSES: Final = ("none", "micronucleus")
CROP_PX: Final = 64
DIAMETER_PX: Final = 32.0

REACH: Final = 0.5
"""A micronucleus belongs to the nucleus whose edge is nearest, if that is no further than this share of a diameter."""

SCALE: Final = ChannelScale(channel="DNA", divisor="bright")


def load_micronuclei(data: str | Path, channels: Any = ()) -> JudgedObjects:
    """Read every nucleus that lies whole in its field; the split is by field.

    Parameters
    ----------
    data
        Folder that holds `nuclei_micronuclei`, with images, `*.nuclei.png` and `*.micronuclei.png`.

    Raises
    ------
    ConfigError
        If the folder holds none.
    """
    folder = Path(data) / FOLDER
    paths = sorted(folder.glob("*.image.png"))
    if not paths:
        raise ConfigError(f"{folder}: holds no *.image.png; give --data the folder that holds {FOLDER}")
    crops, classes, stems = [], [], []
    for path in paths:
        stem = path.name.removesuffix(".image.png")
        image, nuclei, micronuclei = (
            cv2.imread(str(folder / f"{stem}{end}"), cv2.IMREAD_UNCHANGED)
            for end in (".image.png", ".nuclei.png", ".micronuclei.png")
        )
        if image is None or nuclei is None or micronuclei is None:
            raise ConfigError(f"{folder / stem}: lacks one of .image.png, .nuclei.png, .micronuclei.png")
        cropped, judged = _nuclei_of(np.asarray(image), np.asarray(nuclei, np.int32), np.asarray(micronuclei))
        crops.append(cropped)
        classes.append(judged)
        stems += [stem] * len(judged)
    class_n = np.concatenate(classes)
    return JudgedObjects(np.concatenate(crops), class_n, np.full(len(class_n), FOLDER), parts_of(stems))


def _nuclei_of(
    image: NDArray[Any], nuclei_yx: NDArray[np.int32], micronuclei_yx: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return crops and classes of the nuclei of one field."""
    image = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, 0])
    table = measure(nuclei_yx, image)
    scale = DIAMETER_PX / float(np.sqrt(4 / np.pi * np.median(table["area_px"])))
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    plane = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))
    y_px, x_px = ((table[name] + 0.5) * scale - 0.5 for name in ("y_px", "x_px"))
    height, width = nuclei_yx.shape
    whole = (table["bbox_y0_px"] > 0) & (table["bbox_x0_px"] > 0)
    whole &= (table["bbox_y1_px"] < height) & (table["bbox_x1_px"] < width)
    crops = cut([plane], None, table["label"][whole], y_px[whole], x_px[whole], [SCALE], crop_px=CROP_PX)
    owners = _owners(nuclei_yx, micronuclei_yx, REACH * DIAMETER_PX / scale)
    return crops, np.isin(table["label"][whole], owners).astype(np.int64)


def _owners(nuclei_yx: NDArray[np.int32], micronuclei_yx: NDArray[Any], reach_px: float) -> NDArray[np.int32]:
    """Return the labels of the nuclei that have a micronucleus."""
    distance, nearest = cv2.distanceTransformWithLabels(
        (nuclei_yx == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label_of = np.zeros(int(nearest.max()) + 1, np.int32)
    inside = nuclei_yx > 0
    label_of[nearest[inside]] = nuclei_yx[inside]
    owners = []
    for number in np.unique(micronuclei_yx)[1:]:
        at = np.flatnonzero(micronuclei_yx == number)
        closest = at[np.asarray(distance).ravel()[at].argmin()]
        if np.asarray(distance).ravel()[closest] <= reach_px:
            owners.append(label_of[np.asarray(nearest).ravel()[closest]])
    return np.array(owners, np.int32)
