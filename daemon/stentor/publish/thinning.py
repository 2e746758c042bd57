"""Thinning: bring an image down to the size of a screen, for consumers that only look."""

import cv2
import numpy as np

from stentor.core.finding import Finding, Image, Labels


def thinned(finding: Finding, max_side_px: int) -> tuple[Finding, int]:
    """Return a smaller image, and the whole number of frame pixels that one of its pixels stands for.

    Images are averaged over the step; of a label image the pixel in the middle of the step is kept. Rows and columns
    that do not fill a step are left out. Tables and scores, and what is small enough, come back as they are.

    Parameters
    ----------
    finding
        A label image or an image, shape (Y, X).
    max_side_px
        Most rows and most columns of what comes back.
    """
    if not isinstance(finding, Labels | Image):
        return finding, 1
    pixels = finding.labels_yx if isinstance(finding, Labels) else finding.pixels_yx
    rows, columns = pixels.shape
    step = -(-max(rows, columns) // max_side_px)
    # A strip thinner than one step stays whole along its short side, else nothing of it would be left.
    if step == 1 or min(rows, columns) < step:
        return finding, 1
    rows, columns = rows // step, columns // step
    whole = pixels[: rows * step, : columns * step]
    if isinstance(finding, Labels):
        return Labels(np.ascontiguousarray(whole[step // 2 :: step, step // 2 :: step])), step
    return Image(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), finding.unit), step
