"""Acquisition: what the scope does with its rig once it is open."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class BarrierSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where an adaptive acquisition waits for a decision, so that it can act on the very time point it rests on.

    Attributes
    ----------
    controller
        Who says that it may go on: `microscope.go_on(result)`.
    timeout_s
        It goes on all the same after so long; the decision log says so.
    every
        Only at every n-th time point, from the first on.
    """

    controller: str
    timeout_s: Annotated[float, Meta(gt=0, le=20)] = 1.0
    every: Annotated[int, Meta(ge=1)] = 1


class AcquisitionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Live images at a pace, a useq-schema sequence from a file, or time points that requests may change.

    Attributes
    ----------
    mode
        "live": images until the end. "sequence": the events of `sequence_file`, then the end, in hardware sequences
        where the devices can. "adaptive": the events of `sequence_file` (none: one image) again and again, open to
        requests: events in between, other positions, another interval.
    rate_hz
        Pace of live images and of time points; None: as fast as the camera runs by itself.
    exposure_ms
        Exposure of live images, and of events that name none.
    frames
        Live images or time points to take; None: until somebody stops it.
    sequence_file
        A useq-schema MDASequence in YAML or JSON.
    barrier
        With "adaptive": wait for a controller after every time point and position; None: wait for nobody.
    wait_for_daemon_s
        How long to wait for the analysis to be warm before the first image; then it starts all the same.
    stall_timeout_s
        Live images that stay away this long mean that the camera or its driver hangs, and the scope is restarted.
    """

    mode: Literal["live", "sequence", "adaptive"] = "live"
    rate_hz: Annotated[float, Meta(gt=0)] | None = 10.0
    exposure_ms: Annotated[float, Meta(gt=0)] = 50.0
    frames: Annotated[int, Meta(ge=1)] | None = None
    sequence_file: str | None = None
    barrier: BarrierSettings | None = None
    wait_for_daemon_s: float = 60.0
    stall_timeout_s: float = 10.0
