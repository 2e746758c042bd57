"""Settings of a training run: the sets it learns from, its length, and the scale at which nuclei are shown."""

import msgspec


class LabelledSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One folder of images with label images of the same stem.

    Attributes
    ----------
    folder
        Below the data folder; a set that is absent is left out, and the report says so.
    labels, ignored
        Suffix of the label images, and of a second label image whose objects are neither nucleus nor background
        (None: the set has none). Images end in `.image.png`.
    share
        Of the training crops, relative to the other sets.
    field_of
        Regular expression whose match at the start of a stem names what must stay on one side of the split.
    origin
        Source and licence, copied into the model card.
    """

    folder: str
    share: float
    origin: str
    labels: str = ".labels.png"
    ignored: str | None = None
    field_of: str = ".+"


NUCLEI_SETS = (
    LabelledSet("nuclei_dsb2018", 0.50, "2018 Data Science Bowl stage 1, fluorescence, community fixes (BBBC038), CC0"),
    LabelledSet("nuclei_bbbc039_43", 0.25, "43 images of BBBC039v1, CC0", field_of=r"IXMtest_[A-Z]\d+"),
    LabelledSet(
        "nuclei_micronuclei",
        0.25,
        "training and validation images of mnfinder 1.2.3, MIT",
        labels=".nuclei.png",
        ignored=".micronuclei.png",
    ),
)


class TrainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How `stentor train nuclei` runs.

    Attributes
    ----------
    data
        Folder that holds the folders of `sets`; nothing is written there.
    out
        New folder for the finished model (card, weights, test input, report), named after its version: nuclei/4.
    scratch
        Folder for checkpoints; a run that finds its own checkpoint there continues.
    steps
        Optimiser steps of one whole cosine; the default takes 35 minutes on two threads.
    minutes
        Wall-clock limit: the cosine ends then, even if `steps` have not been reached. None: no limit.
    crop_px, batch
        Size and number of the crops of one step.
    object_diameter_px
        Mean diameter at which nuclei are shown; each image is resampled to it, then varied by `scale_jitter`.
    bfloat16
        Compute convolutions in bfloat16 (weights stay float32): 0.08 instead of 0.13 s a step on two threads of an
        AMD EPYC with AVX-512 BF16, 2026-11-23.
    """

    data: str
    out: str
    scratch: str
    sets: tuple[LabelledSet, ...] = NUCLEI_SETS
    steps: int = 20_000
    minutes: float | None = None
    crop_px: int = 192
    batch: int = 8
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 200
    object_diameter_px: float = 26.0
    scale_jitter: float = 1.5
    threads: int = 2
    seed: int = 20261123
    bfloat16: bool = True
    checkpoint_s: float = 120.0
    progress_s: float = 20.0
