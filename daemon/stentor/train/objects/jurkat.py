"""Jurkat cells: brightfield, DNA and darkfield crops from imaging flow cytometry, each with its cell-cycle phase."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ConfigError
from stentor.inference.card import ChannelScale
from stentor.inference.classification import in_the_middle
from stentor.inference.crops import cut
from stentor.train.objects.judged_objects import JudgedObjects, parts_of

FOLDER: Final = "jurkat_cell_cycle"
ORIGIN: Final = "Blasi et al. 2016, Nat Commun, imaging flow cytometry of Jurkat cells; from a BSD-3 repository"
CLASSES: Final = ("G1", "S", "G2", "mitotic")
CROP_PX: Final = 40

PHASES: Final = {"G1": 0, "S_phase": 1, "G2": 2, "Prophase": 3, "Metaphase": 3, "Anaphase": 3, "Telophase": 3}
CHANNELS: Final = {"brightfield": 0, "DNA": 1, "darkfield": 2}

SCALES: Final = {
    "brightfield": ChannelScale(channel="brightfield", divisor="background"),
    # Counts, because the amount of DNA is what tells the phases apart.
    "DNA": ChannelScale(channel="DNA", divisor=500.0),
    "darkfield": ChannelScale(channel="darkfield", divisor=40.0),
}


def load_jurkat(data: str | Path, channels: Sequence[str]) -> JudgedObjects:
    """Read the cells; sets are named `experiment 1` and `experiment 2`, and the split is by cell.

    Parameters
    ----------
    data
        Folder that holds `jurkat_cell_cycle/cells.npz`.
    channels
        Some of `CHANNELS`, in the order of the model.

    Raises
    ------
    ConfigError
        If the file is absent or is not what it should be.
    """
    images, phases, experiment = read_cells(data)
    scales = [SCALES[channel] for channel in channels]
    middle = in_the_middle(images.shape[2:])
    crops = np.concatenate(
        [
            cut(
                [image[CHANNELS[channel]] for channel in channels], None,
                middle["label"], middle["y_px"], middle["x_px"], scales, crop_px=CROP_PX,
            )
            for image in images
        ]
    )  # fmt: skip
    return JudgedObjects(
        crops_nchw=crops,
        class_n=np.array([PHASES[phase] for phase in phases], np.int64),
        set_n=np.array([f"experiment {number}" for number in experiment]),
        part_n=parts_of([f"jurkat {index}" for index in range(len(images))]),
    )


def read_cells(data: str | Path) -> tuple[NDArray[np.uint16], list[str], NDArray[np.int64]]:
    """Return images (n, 3, 40, 40) uint16 in the order of `CHANNELS`, the name of each phase, and the experiment.

    Raises
    ------
    ConfigError
        If the file is absent or is not what it should be.
    """
    path = Path(data) / FOLDER / "cells.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [str(name) for name in file["classes"]]
            return file["X"], [names[index] for index in file["y"]], file["experiment"]
    except (OSError, KeyError, ValueError) as err:
        raise ConfigError(f"{path}: cannot be read ({err}); give --data the folder that holds {FOLDER}") from err
