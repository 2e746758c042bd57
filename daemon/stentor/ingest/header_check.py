"""Header check: whether a frame's own words about itself can be believed far enough to make room for it."""

from typing import Final

from stentor.core.errors import SourceError
from stentor.core.frame import PIXEL_DTYPES, FrameHeader

MAX_FRAME_BYTES: Final = 1 << 30


def check_header(header: FrameHeader) -> None:
    """Refuse a frame that could not be allocated or understood.

    Raises
    ------
    SourceError
        With what is wrong.
    """
    height, width = header.shape_yx
    if header.dtype not in PIXEL_DTYPES:
        raise SourceError(f"pixels of type {header.dtype} are not taken; convert them to {', '.join(PIXEL_DTYPES)}")
    if height < 1 or width < 1 or height * width * 4 > MAX_FRAME_BYTES:
        raise SourceError(f"a frame of {height} x {width} pixels is not taken; the limit is {MAX_FRAME_BYTES} bytes")
