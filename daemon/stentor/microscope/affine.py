"""Affine: from pixels to stage micrometres, by Micro-Manager's convention.

Micro-Manager's pixel size affine A maps a step in the image (right, down) to a step of the xy drive. Its click to
centre and its mosaics both use it this way: the drive must go to S + A d for the thing that is d pixels right of and
below the centre to come to the centre, S being where the drive stands. So the stage coordinates of a pixel are

    S + A (pixel - centre of the chip)

and every mirror, turn and sign, that of y included, is inside A: nothing is flipped here.
"""

import math
from collections.abc import Sequence

from stentor.core.frame import PixelToStage

TOLERANCE = 0.1


def is_calibrated(affine: Sequence[float], pixel_size_um: float) -> bool:
    """Tell whether an affine was measured, and not made up by the core.

    Where the `.cfg` has a pixel size but no affine the core answers with that of 1 µm pixels (MMCore 12.5): objects
    of a 40x objective would be placed four times too far apart. So the two must agree.

    Parameters
    ----------
    affine
        `getPixelSizeAffine`: xx, xy, x0, yx, yy, y0 for the binning in use.
    pixel_size_um
        `getPixelSizeUm` for the same binning; 0 where the `.cfg` has none.

    >>> is_calibrated((0.0, 0.65, 0.0, -0.65, 0.0, 0.0), 0.65)
    True
    >>> is_calibrated((1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 0.25)
    False
    """
    xx, xy, _, yx, yy, _ = affine
    side_um = math.sqrt(abs(xx * yy - xy * yx))
    return side_um > 0 and abs(side_um - pixel_size_um) <= TOLERANCE * pixel_size_um


def pixel_to_stage(
    affine: Sequence[float],
    *,
    x_um: float,
    y_um: float,
    roi_xywh: tuple[int, int, int, int],
    chip_wh: tuple[int, int] | None = None,
) -> PixelToStage:
    """Fold the stage position and the region of interest into Micro-Manager's affine.

    Parameters
    ----------
    affine
        As in `is_calibrated`. Its offsets are not used: Micro-Manager writes 0 there.
    x_um, y_um
        Where the xy drive stood.
    roi_xywh
        Region of interest in binned pixels.
    chip_wh
        Size of the whole chip in binned pixels; None: unknown, and the region's own centre is taken for the chip's.
    """
    left, top, width, height = roi_xywh
    if chip_wh is None:
        left, top, chip_wh = 0, 0, (width, height)
    # The centre of the chip, counted from the centre of the frame's top left pixel.
    centre_x, centre_y = (chip_wh[0] - 1) / 2 - left, (chip_wh[1] - 1) / 2 - top
    xx, xy, _, yx, yy, _ = affine
    return PixelToStage(
        xx=xx,
        xy=xy,
        x0=x_um - xx * centre_x - xy * centre_y,
        yx=yx,
        yy=yy,
        y0=y_um - yx * centre_x - yy * centre_y,
    )
