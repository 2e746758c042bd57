"""Settings of inference: where models lie, which device runs them, and how many threads they may take."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Device = Literal["auto", "cpu", "cuda", "tensorrt"]
Rescale = Literal["each", "live", "never"]
StoredPrecision = Literal["float32", "int8"]
Precision = Literal["auto", "float32", "int8"]


class InferenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How models are found and run.

    Attributes
    ----------
    device
        "auto" takes CUDA if it truly starts, else the CPU, and says which and why. A named device that does not
        start is a ModelError, never a silent fallback.
    precision
        "auto" computes with int8 on a CPU that is fast at it, where the model has such weights, else with float32.
        "int8" takes the CPU; a model without such weights is a ModelError.
    intra_op_threads
        Threads of one model run; 0: as many as cores.
    allow_spinning
        Idle threads poll instead of sleeping: faster by microseconds, about 50 ms of CPU after each run. Off, because
        the camera shares the cores.
    shapes_kept
        Input shapes whose buffers are kept; the least recently used goes first.
    tile_px
        Images whose network input has a longer side are analysed in tiles of this side, which overlap by twice the
        model's halo.
    folders
        Further folders of models, searched before the shipped ones.
    rescale
        Where object sizes differ from those trained on: "each" estimates the scale of every image (up to three
        passes), "live" estimates it on the first frames with objects and then keeps it (one pass), "never" takes
        images as they are.
    object_diameter_px
        Typical diameter of the objects in the images; None: estimate it as `rescale` says.
    """

    device: Device = "auto"
    precision: Precision = "auto"
    intra_op_threads: int = 0
    allow_spinning: bool = False
    shapes_kept: int = 3
    tile_px: Annotated[int, Meta(ge=64)] = 2048
    folders: tuple[str, ...] = ()
    rescale: Rescale = "each"
    object_diameter_px: float | None = None
