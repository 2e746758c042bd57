"""Structure: how alike two images are in contrast and structure, as something that can be trained on."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from stentor.train.image_to_image.similarity import K2, SIGMA_PX

WINDOW_PX = 11


def structure(found_nyx: Tensor, truth_nyx: Tensor) -> Tensor:
    """Return SSIM without its luminance term, mean over each image, shape (N,), for images whose peak is 1.

    Without luminance it does not matter what the camera's offset was, which nobody may know.

    References
    ----------
    Wang et al. 2004, IEEE TIP, "Image quality assessment: from error visibility to structural similarity".
    """
    a, b = found_nyx[:, None], truth_nyx[:, None]
    moments = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    places = torch.arange(WINDOW_PX, device=a.device, dtype=torch.float32) - WINDOW_PX // 2
    window = torch.exp(-(places**2) / (2 * SIGMA_PX**2))
    window = (window / window.sum()).expand(5, 1, 1, WINDOW_PX)
    smooth = F.conv2d(F.conv2d(moments, window, groups=5), window.transpose(2, 3), groups=5)
    mean_a, mean_b, square_a, square_b, product = smooth.unbind(1)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    likeness = (2 * (product - mean_a * mean_b) + K2**2) / (variances + K2**2)
    return likeness.mean(dim=(1, 2))
