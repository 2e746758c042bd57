"""Recipes: the classifiers that can be trained by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from stentor.inference.card import ChannelScale
from stentor.train.objects import jurkat, micronuclei
from stentor.train.objects.judged_objects import JudgedObjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One classifier: what it is, what it learns from, and how.

    Attributes
    ----------
    load
        Reads its data set from the data folder and the channels.
    gain
        See `ObjectSettings.gain`: little where the amount of light tells the classes apart.
    steps
        Optimiser steps of one whole training.
    unsure_share
        Share of the validation side that is to count as unsure; sets the card's `unsure_below`.
    """

    name: str
    description: str
    unfit_for: str
    scales: tuple[ChannelScale, ...]
    classes: tuple[str, ...]
    crop_px: int
    object_diameter_px: float | None = None
    hides_neighbours: bool = True
    finds_with: str | None = None
    set_name: str
    origin: str
    load: Callable[[str, Sequence[str]], JudgedObjects]
    gain: float
    steps: int
    unsure_share: float

    @property
    def channels(self) -> tuple[str, ...]:
        """What the planes of its input show."""
        return tuple(scale.channel for scale in self.scales)


def _of_the_cycle(name: str, description: str, channels: Sequence[str], gain: float, steps: int) -> Recipe:
    return Recipe(
        name=name,
        description=description,
        unfit_for=(
            "Adherent cells, other cell lines, other instruments: all cells it has seen are Jurkat cells in flow, "
            "40 x 40 px, from one imaging cytometer. The phases pass into each other: no timing of single cells."
        ),
        scales=tuple(jurkat.SCALES[channel] for channel in channels),
        classes=jurkat.CLASSES,
        crop_px=jurkat.CROP_PX,
        set_name=jurkat.FOLDER,
        origin=jurkat.ORIGIN,
        load=jurkat.load_jurkat,
        gain=gain,
        steps=steps,
        unsure_share=0.05,
    )  # fmt: skip


RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        _of_the_cycle(
            "cell-cycle",
            "Phase of the cell cycle of single cells in flow, from brightfield, DNA stain and darkfield.",
            ("brightfield", "DNA", "darkfield"),
            gain=1.04,
            steps=1500,
        ),
        _of_the_cycle(
            "cell-cycle-label-free",
            "Phase of the cell cycle of single cells in flow without a stain, from brightfield and darkfield.",
            ("brightfield", "darkfield"),
            gain=1.15,
            steps=6000,
        ),
        Recipe(
            name="micronuclei",
            description="Whether a micronucleus lies beside a nucleus, in DNA fluorescence.",
            unfit_for=(
                "Genotoxicity counts without a person's look: small or faint micronuclei, and those that touch their "
                "nucleus, are missed; bright debris is taken for one."
            ),
            scales=(micronuclei.SCALE,),
            classes=micronuclei.CLASSES,
            crop_px=micronuclei.CROP_PX,
            object_diameter_px=micronuclei.DIAMETER_PX,
            hides_neighbours=False,
            finds_with="nuclei",
            set_name=micronuclei.FOLDER,
            origin=micronuclei.ORIGIN,
            load=micronuclei.load_micronuclei,
            gain=1.4,
            steps=5000,
            unsure_share=0.05,
        ),
    )
}
"""By name."""
