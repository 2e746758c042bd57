"""Settings of a replay; light to import."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
AxisName = Literal["time", "position", "z", "channel"]


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recording and its pace.

    Attributes
    ----------
    path
        A TIFF or OME-TIFF, an NDTiff dataset, or a folder of single images. Required.
    pace
        "as-fast": each image as soon as the analysis has room, so that every one gets a result. "recorded": as the
        times in the recording say. A number: so many times faster than recorded.
    rate_hz
        Images a second, whatever was recorded; wins over `pace`. None: as `pace` says.
    lossless
        Wait for the analysis instead of dropping; None: only with "as-fast".
    follow
        The recording is still being written: wait for more. Of folders and NDTiff datasets.
    idle_timeout_s
        A followed recording is over when nothing has come for so long.
    glob
        Which files of a folder are images, such as "*.image.png" or "*/*.png"; None: every PNG and TIFF.
    axis
        What it is that the images of a folder, or the pages of a TIFF that names no axes, count. None: positions of
        a folder, time points of a TIFF.
    pixel_size_um
        Side of a pixel; wins over what was recorded. None: as recorded.
    """

    path: str | None = None
    pace: Literal["as-fast", "recorded"] | Positive = "as-fast"
    rate_hz: Positive | None = None
    lossless: bool | None = None
    follow: bool = False
    idle_timeout_s: Positive = 30.0
    glob: Annotated[str, Meta(min_length=1)] | None = None
    axis: AxisName | None = None
    pixel_size_um: Positive | None = None

    @property
    def is_lossless(self) -> bool:
        """Whether the replay waits for the analysis."""
        if self.lossless is not None:
            return self.lossless
        return self.pace == "as-fast" and self.rate_hz is None
