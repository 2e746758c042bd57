"""Recording: images on disk, in the order in which they were taken, with what was written beside them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stentor.core.frame import StagePosition


@dataclass(frozen=True, slots=True)
class Facts:
    """What a recording says about an image besides its pixels; None: it does not say.

    Attributes
    ----------
    affine
        Micro-Manager's pixel size affine: xx, xy, x0, yx, yy, y0.
    roi_xywh
        Left, top, width, height on the chip.
    """

    channel: str | None = None
    exposure_ms: float | None = None
    camera: str | None = None
    bit_depth: int | None = None
    binning: int | None = None
    pixel_size_um: float | None = None
    affine: tuple[float, ...] | None = None
    roi_xywh: tuple[int, int, int, int] | None = None
    stage: StagePosition = field(default_factory=StagePosition)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedImage:
    """One image; its pixels stay on disk until `read`.

    Attributes
    ----------
    name
        What to call it in a message: a file, or a page of one.
    axes
        Exactly as the recording has them.
    time_s
        When it was taken, in seconds on the recording's own clock; None: not recorded.
    load
        Reads the pixels. Raises SourceError when they cannot be.
    """

    name: str
    axes: Mapping[str, int | str]
    load: Callable[[], NDArray[Any]]
    time_s: float | None = None
    facts: Facts = field(default_factory=Facts)

    def read(self) -> NDArray[Any]:
        """Return the pixels as recorded, any shape and dtype, in this machine's byte order.

        Raises
        ------
        SourceError
            If they cannot be read; the message names the image.
        """
        pixels = self.load()
        return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))


class Recording(Protocol):
    """An open recording, used by one thread; `close` may be called twice.

    Attributes
    ----------
    can_grow
        Whether a recording of this kind can be followed while it is being written.
    """

    can_grow: bool

    def fresh(self) -> Iterator[RecordedImage]:
        """Yield the images that no call has yielded before; all of them the first time."""
        ...

    def count(self) -> int:
        """Return how many images there are now."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...
