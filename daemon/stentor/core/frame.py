"""Frame: one camera image with its identity, its header and read-only pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

Pixels = NDArray[Any]
"""One image plane, shape (Y, X); the dtype is the camera's (uint8, uint16) or float32."""

PIXEL_DTYPES = ("uint8", "uint16", "float32")
"""The pixel types that frames may have; everything else is refused at the door with its remedy."""


ASKED = "asked"
"""The axis that counts the images which requests asked for in between; such a frame is never dropped for a newer."""


class FrameId(msgspec.Struct, frozen=True, order=True):
    """The name of one frame for all time.

    Attributes
    ----------
    stream
        Configured name of the camera.
    run
        UUID (hex) of one acquisition or one attachment.
    sequence
        Counts from 0 within the run, also over frames that could not be handed over; in as many bits as a log can keep.
    """

    stream: str
    run: str
    sequence: Annotated[int, Meta(ge=0, le=2**63 - 1)]

    def __str__(self) -> str:
        return f"{self.stream}/{self.run[:8]}/{self.sequence}"


class StagePosition(msgspec.Struct, frozen=True):
    """Where the drives stood, in micrometres; None: the microscope did not say, never 0 for unknown.

    `origin` tells a value read back from the drive from one that was merely asked for.
    """

    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None
    origin: Literal["read-back", "intended"] | None = None


class PixelToStage(msgspec.Struct, frozen=True):
    """Affine from pixels to stage micrometres: [x_um, y_um] = [[xx, xy], [yx, yy]] @ [x_px, y_px] + [x0, y0].

    Pixel (0, 0) is the centre of the top left pixel of the frame as delivered. The 2x3 layout is that of
    Micro-Manager's `getPixelSizeAffine` with the stage position and the region of interest folded in.
    """

    xx: float
    xy: float
    x0: float
    yx: float
    yy: float
    y0: float

    def locate(self, y_px: NDArray[Any], x_px: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map pixel coordinates, shape (n,), to stage coordinates (y_um, x_um), shape (n,) float64."""
        x = np.asarray(x_px, dtype=np.float64)
        y = np.asarray(y_px, dtype=np.float64)
        return self.yx * x + self.yy * y + self.y0, self.xx * x + self.xy * y + self.x0

    @property
    def pixel_size_um(self) -> float:
        """Side of one pixel: the square root of the area that one pixel covers."""
        return float(abs(self.xx * self.yy - self.xy * self.yx) ** 0.5)


class FrameHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a frame besides its pixels. None always means: the source did not say.

    Attributes
    ----------
    frame_id
        The frame's name.
    axes
        Exactly as the acquisition wrote them (`{"time": 3, "channel": "DAPI"}`), so that a result joins the raw data.
    t, c, z, p
        Indices derived from `axes` where they are numbers or could be resolved.
    shape_yx, dtype
        Of the pixels: rows, columns, and one of `PIXEL_DTYPES`.
    channel, exposure_ms, camera, bit_depth, binning
        As the core reported them for this frame.
    roi_xywh
        Region of interest on the chip: left, top, width, height in (binned) pixels.
    stage
        Position of the drives.
    pixel_to_stage
        None when the microscope is uncalibrated; then nothing may move on account of pixels.
    pixel_size_um
        Side of one pixel on the specimen, for this binning; None: the source did not say. Known to many a rig whose
        `pixel_to_stage` is not.
    camera_number
        The camera's own counter, whose holes are frames that never reached us.
    received_ns, clock_id
        When the image reached our process, on the named clock.
    exposure_end_ns
        Only where the source truly knows it.
    """

    frame_id: FrameId
    shape_yx: tuple[int, int]
    dtype: str
    received_ns: int
    clock_id: str
    axes: dict[str, int | str] = {}
    t: int | None = None
    c: int | None = None
    z: int | None = None
    p: int | None = None
    channel: str | None = None
    exposure_ms: float | None = None
    camera: str | None = None
    bit_depth: int | None = None
    binning: int | None = None
    roi_xywh: tuple[int, int, int, int] | None = None
    stage: StagePosition = StagePosition()
    pixel_to_stage: PixelToStage | None = None
    pixel_size_um: float | None = None
    camera_number: int | None = None
    exposure_end_ns: int | None = None

    @property
    def sequence(self) -> int:
        return self.frame_id.sequence

    def has_axes(self, axes: Mapping[str, int | str]) -> bool:
        """Tell whether the frame has all these axes, as the acquisition wrote them or as derived from them."""
        derived = {"t": self.t, "c": self.c, "z": self.z, "p": self.p, "channel": self.channel}
        return all(value in (self.axes.get(axis), derived.get(axis)) for axis, value in axes.items())


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One image of a gathered group: a header and its pixels, as in `Frame`."""

    header: FrameHeader
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A header and its pixels; of a gathered group those of its reference plane, with all planes beside it.

    Attributes
    ----------
    header
        What is known about the frame.
    pixels
        Shape (Y, X), read-only, valid until the frame closes; who keeps pixels copies them.
    planes
        The gathered channels, z-planes and time points, in the order of the plan (time, channel, z); empty: the frame
        came alone. `stentor.core.planes` chooses among them.
    """

    header: FrameHeader
    pixels: Pixels
    planes: tuple[Plane, ...] = ()

    @property
    def frame_id(self) -> FrameId:
        return self.header.frame_id
