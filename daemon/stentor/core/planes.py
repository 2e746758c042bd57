"""Planes: choose a channel and a z-plane among those that were gathered for a frame."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import StageError
from stentor.core.frame import Frame, Pixels, Plane

Projection = Literal["max", "mean"]


def pick(frame: Frame, *, channel: str | None = None, z: int | Projection | None = None) -> Pixels:
    """Return one plane of a frame, shape (Y, X), read-only or freshly made.

    Of several time points it is the newest.

    Parameters
    ----------
    channel
        As the acquisition names it; None: that of the frame itself.
    z
        Index of the z-plane, "max" or "mean" over all of them ("mean" is float32); None: the frame's own plane.

    Raises
    ------
    StageError
        If there is no such plane; the message says which there are and how to gather it.
    """
    if z is None and channel in (None, frame.header.channel):
        return frame.pixels
    if z is None:
        z = frame.header.z
    chosen = of_channel(frame, channel)
    if isinstance(z, str):
        stacked = _stacked(chosen)
        return np.asarray(stacked.max(axis=0) if z == "max" else stacked.mean(axis=0, dtype=np.float32))
    plane = next((plane for plane in chosen if z is None or plane.header.z == z), None)
    if plane is None:
        there = ", ".join(str(plane.header.z) for plane in chosen)
        raise StageError(f"no plane z = {z} was gathered, only {there}; set `gather.z_planes`")
    return plane.pixels


def pick_channels(frame: Frame, channels: Sequence[str], *, z: int | Projection | None = None) -> list[Pixels]:
    """Return one plane for each channel as `pick` does; of no channels that of the frame itself."""
    return [pick(frame, channel=channel, z=z) for channel in channels or (None,)]


def stack(frame: Frame, *, channel: str | None = None) -> NDArray[Any]:
    """Return the z-planes of a channel at the newest time point, shape (Z, Y, X), z rising.

    Raises
    ------
    StageError
        As `pick`, and if the planes differ in size.
    """
    return _stacked(of_channel(frame, channel))


def of_channel(frame: Frame, channel: str | None) -> list[Plane]:
    """Return the planes of a channel at the newest time point, z rising; raises StageError as `pick` does."""
    planes = frame.planes or (Plane(frame.header, frame.pixels),)
    wanted = frame.header.channel if channel is None else channel
    chosen = [plane for plane in planes if plane.header.channel == wanted]
    if not chosen:
        there = ", ".join(sorted({str(plane.header.channel) for plane in planes}))
        raise StageError(f"channel {wanted!r} was not gathered, only {there}; name it in `gather.channels`")
    newest = max(chosen, key=lambda plane: plane.header.frame_id.sequence).header.t
    return sorted((p for p in chosen if p.header.t == newest), key=lambda p: -1 if p.header.z is None else p.header.z)


def _stacked(planes: Sequence[Plane]) -> NDArray[Any]:
    shapes = {plane.pixels.shape for plane in planes}
    if len(shapes) > 1:
        raise StageError(
            f"the gathered planes differ in size: {sorted(shapes)}; keep the region of interest in a group"
        )
    return np.stack([plane.pixels for plane in planes])
