"""Tiling: run a network over an image that is too large for one pass, and join its maps without a seam.

The maps are joined, not the objects: a network sees no further than its halo, so a map pixel that lies at least that
far inside its tile is what one large pass would have given, and the post-processor never learns of tiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import ModelError
from stentor.inference.session import Session


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis: it reads `start` to `stop`, and answers for `first` to `last`; all half open."""

    start: int
    stop: int
    first: int
    last: int


def spans(length: int, tile: int, halo: int, multiple: int) -> list[Span]:
    """Cut an axis into tiles of one length that overlap by at least two halos.

    Parameters
    ----------
    length, tile
        Of the axis and of a tile, both multiples of `multiple`; an axis that is no longer than a tile is one tile.
    halo
        How far a network pixel sees.
    multiple
        Tiles begin at multiples of it, so that the network's strides fall on the same pixels as in one large pass.

    Raises
    ------
    ModelError
        If the tile has no room between its halos.

    >>> [(s.start, s.stop, s.first, s.last) for s in spans(192, 128, 32, 32)]
    [(0, 128, 0, 96), (64, 192, 96, 192)]
    """
    if length <= tile:
        return [Span(0, length, 0, length)]
    step = (tile - 2 * halo) // multiple * multiple
    if step < multiple:
        raise ModelError(
            f"tiles of {tile} px have no room between two halos of {halo} px; "
            f"set tile_px to {2 * halo + multiple} or more"
        )
    starts = [*range(0, length - tile, step), length - tile]
    borders = [0, *(start + halo for start in starts[1:]), length]
    return [
        Span(start, start + tile, first, last)
        for start, first, last in zip(starts, borders[:-1], borders[1:], strict=True)
    ]


def run_in_tiles(
    session: Session, image_cyx: NDArray[np.float32], *, tile_px: int, halo_px: int, multiple: int
) -> NDArray[np.float32]:
    """Return the network's maps of the whole image, shape (C, Y, X).

    Parameters
    ----------
    image_cyx
        Network input, shape (C, Y, X), both sides multiples of `multiple`.
    tile_px
        Longest side of a tile.
    halo_px, multiple
        As in `spans`.
    """
    height, width = image_cyx.shape[1:]
    tile = tile_px // multiple * multiple
    maps: NDArray[np.float32] | None = None
    for rows in spans(height, tile, halo_px, multiple):
        for columns in spans(width, tile, halo_px, multiple):
            buffers = session.buffers((rows.stop - rows.start, columns.stop - columns.start))
            np.copyto(buffers.input_nchw[0], image_cyx[:, rows.start : rows.stop, columns.start : columns.stop])
            answer = session.run(buffers)[0]
            if maps is None:
                maps = np.empty((len(answer), height, width), np.float32)
            maps[:, rows.first : rows.last, columns.first : columns.last] = answer[
                :, rows.first - rows.start : rows.last - rows.start,
                columns.first - columns.start : columns.last - columns.start,
            ]  # fmt: skip
    assert maps is not None
    return maps
