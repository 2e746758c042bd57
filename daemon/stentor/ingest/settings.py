"""Settings of the front door."""

from typing import Annotated

import msgspec
from msgspec import Meta


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How frames reach the daemon.

    Attributes
    ----------
    stream
        Name of the camera in every frame's id.
    ring_slots
        Frames that the daemon may lag behind before the oldest is overwritten.
    channels
        Channels that the plan wants, as the acquisition names them; frames of others are `unused`. Empty: all.
    """

    stream: str = "camera"
    ring_slots: int = 16
    channels: tuple[str, ...] = ()


class GatherSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which images the plan wants at once: all channels, z-planes and time points of a group make one frame.

    Attributes
    ----------
    channels
        As the acquisition names them, the one to segment first; images of others are `unused`. Empty: images of
        different channels are frames of their own.
    z_planes
        Planes of a z-stack, numbered from 0.
    time_points
        Consecutive time points of one window; windows do not overlap.
    max_mb
        Memory for groups that are not complete; beyond it the oldest is given up.
    """

    channels: tuple[str, ...] = ()
    z_planes: Annotated[int, Meta(ge=1)] = 1
    time_points: Annotated[int, Meta(ge=1)] = 1
    max_mb: Annotated[float, Meta(gt=0)] = 1024.0
