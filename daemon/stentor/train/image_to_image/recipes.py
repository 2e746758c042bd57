"""Recipes: the image-to-image models that can be trained by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stentor.inference.card import Normalisation, TrainingSet
from stentor.inference.image_to_image import ImageModel
from stentor.train.image_to_image import denoise, virtual_dna
from stentor.train.objects import jurkat
from stentor.train.settings import NUCLEI_SETS
from stentor.train.split import Part
from stentor.train.synthetic import draw_field


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """One image-to-image model: what it is, what it learns from, and how it is measured.

    Attributes
    ----------
    widths
        Channels of the network per level.
    answer_unit
        By which the network's answer is multiplied before it is shipped.
    load
        Reads the data set from the data folder.
    draw
        Draws a training example of a side of the split.
    measure
        Measures a shipped model on a side of the split; names as in a card.
    pictures
        Rows of images of the test side for the report: input, answers, truth.
    batch, steps
        Examples of a step, and steps of one whole training.
    test_image
        A drawn input for the test case, nobody's data.
    """

    name: str
    description: str
    unfit_for: str
    channels: tuple[str, ...]
    output: str
    restores: str | None
    unit: str
    normalisation: Normalisation
    widths: tuple[int, ...]
    answer_unit: float
    training: tuple[TrainingSet, ...]
    load: Callable[[str], Any]
    draw: Callable[[Any, np.random.Generator, Part], Any]
    measure: Callable[[ImageModel, Any, Part], dict[str, float]]
    pictures: Callable[[ImageModel, Any], list[list[NDArray[np.float32]]]]
    picture_titles: tuple[str, ...]
    count: Callable[[Any, Part], int]
    test_image: Callable[[], NDArray[np.uint16]]
    data: str
    batch: int
    steps: int


def _drawn_low_light() -> NDArray[np.uint16]:
    field = draw_field((128, 160), 4, seed=5).image_yx.astype(np.float32)
    photons = 12 * (field - field.min()) / np.ptp(field)
    rng = np.random.default_rng(0)
    counts = 100 + 4 * (rng.poisson(photons) + rng.normal(0, 1, photons.shape))
    return np.asarray(np.rint(counts).clip(0), np.uint16)


def _drawn_cell() -> NDArray[np.uint16]:
    y, x = np.mgrid[:40, :40] - 19.5
    inside = np.hypot(y, x) < 9
    rim = np.abs(np.hypot(y, x) - 9) < 1.5
    rng = np.random.default_rng(0)
    brightfield = 677 - 150.0 * rim + 60.0 * inside + rng.normal(0, 8, (40, 40))
    darkfield = 27 + 40.0 * inside + rng.normal(0, 3, (40, 40))
    return np.asarray(np.rint(np.stack([brightfield, darkfield])).clip(0), np.uint16)


RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        ImageRecipe(
            name="denoise",
            description="Fluorescence of nuclei at low light restored: shot noise and read noise taken away.",
            unfit_for=(
                "Measuring intensities of single pixels, finding structures finer than the noise lets through, or "
                "stains other than of nuclei: what it has never seen it smooths away or draws wrongly."
            ),
            channels=("low light",),
            output="restored",
            restores="low light",
            unit="counts",
            normalisation=Normalisation(
                name="percentile", low_percent=denoise.LOW_PERCENT, high_percent=denoise.HIGH_PERCENT
            ),
            widths=(32, 48, 64, 96),
            answer_unit=1.0,
            training=tuple(TrainingSet(name=s.folder, origin=s.origin, images=0) for s in NUCLEI_SETS),
            load=denoise.load_planes,
            draw=denoise.example,
            measure=denoise.measure_denoising,
            pictures=denoise.pictures,
            picture_titles=("camera", "best Gaussian", "restored", "truth"),
            count=lambda planes, part: len(planes[part]),
            test_image=_drawn_low_light,
            data="nuclei at 10 photons, 1 electron read noise",
            batch=12,
            steps=9000,
        ),
        ImageRecipe(
            name="virtual-dna",
            description="DNA stain of single cells in flow, predicted from brightfield and darkfield alone.",
            unfit_for=(
                "Ploidy, cell-cycle or dose decisions about single cells; adherent cells, other cell lines, other "
                "instruments. It draws where DNA usually is, not where it was seen."
            ),
            channels=virtual_dna.INPUTS,
            output="DNA",
            restores=None,
            unit="counts of the stain above background",
            normalisation=Normalisation(name="fixed", low=virtual_dna.LOW, high=virtual_dna.HIGH),
            widths=(32, 48, 64),
            answer_unit=virtual_dna.DNA_UNIT,
            training=(TrainingSet(name=jurkat.FOLDER, origin=jurkat.ORIGIN, images=0),),
            load=virtual_dna.load_cells,
            draw=virtual_dna.example,
            measure=virtual_dna.measure_virtual_dna,
            pictures=virtual_dna.pictures,
            picture_titles=("brightfield", "darkfield", "linear regression", "predicted", "truth"),
            count=lambda cells, part: len(cells[part]),
            test_image=_drawn_cell,
            data=jurkat.FOLDER,
            batch=64,
            steps=6000,
        ),
    )
}
"""By name."""
