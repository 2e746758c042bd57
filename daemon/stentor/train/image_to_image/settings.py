"""Settings of an image-to-image training."""

import msgspec


class ImageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an image-to-image model is trained.

    Attributes
    ----------
    data
        Folder that holds the data sets' folders; nothing is written there.
    out
        New folder for the finished model, ending in its version: denoise/1.
    scratch
        Folder for checkpoints; a run that finds its own checkpoint there continues.
    steps, batch
        Optimiser steps, and examples in each.
    minutes
        Wall-clock limit: the cosine ends then, even if `steps` have not been reached. None: no limit.
    bfloat16
        Compute convolutions in bfloat16; weights stay float32.
    """

    data: str
    out: str
    scratch: str
    steps: int
    minutes: float | None = None
    batch: int
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    warmup_steps: int = 200
    threads: int = 2
    seed: int = 20261123
    bfloat16: bool = True
    checkpoint_s: float = 60.0
    progress_s: float = 20.0
