"""Settings of a classifier's training."""

import msgspec


class ObjectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a classifier is trained.

    Attributes
    ----------
    data
        Folder that holds the data set's folder; nothing is written there.
    out
        New folder for the finished model, ending in its version: cell-cycle/1.
    scratch
        Folder for checkpoints; a run that finds its own checkpoint there continues.
    steps, batch
        Optimiser steps, and crops in each; every class is drawn equally often.
    minutes
        Wall-clock limit: the cosine ends then, even if `steps` have not been reached. None: no limit.
    gain
        Channels are made brighter or darker by up to this factor.
    """

    data: str
    out: str
    scratch: str
    steps: int = 4000
    minutes: float | None = None
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 5e-2
    warmup_steps: int = 100
    gain: float = 1.05
    threads: int = 2
    seed: int = 20261123
    checkpoint_s: float = 60.0
    progress_s: float = 20.0
