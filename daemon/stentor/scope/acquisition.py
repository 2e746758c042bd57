"""Acquisition: what the scope does with its rig once it is open."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class AcquisitionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Live images at a pace, or a useq-schema sequence from a file.

    Attributes
    ----------
    mode
        "live": images until the end. "sequence": the events of `sequence_file`, then the end.
    rate_hz
        Pace of live images; None: as fast as the camera runs by itself.
    exposure_ms
        Exposure of live images.
    frames
        Live images to take; None: until somebody stops it.
    sequence_file
        A useq-schema MDASequence in YAML or JSON.
    wait_for_daemon_s
        How long to wait for the analysis to be warm before the first image; then it starts all the same.
    stall_timeout_s
        Live images that stay away this long mean that the camera or its driver hangs, and the scope is restarted.
    """

    mode: Literal["live", "sequence"] = "live"
    rate_hz: Annotated[float, Meta(gt=0)] | None = 10.0
    exposure_ms: Annotated[float, Meta(gt=0)] = 50.0
    frames: Annotated[int, Meta(ge=1)] | None = None
    sequence_file: str | None = None
    wait_for_daemon_s: float = 60.0
    stall_timeout_s: float = 10.0
