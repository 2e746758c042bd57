"""Loss of the nuclei network: where the objects are, where their centres are, and which way leads there."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

DICE_SHARE = 0.3
OFFSET_SHARE = 1.0


def nuclei_loss(maps_nchw: Tensor, targets_nchw: Tensor) -> Tensor:
    """Tell how wrong the maps are, averaged over the valid pixels of the batch.

    Weighted binary cross entropy plus `DICE_SHARE` of the soft Dice loss on the foreground, binary cross entropy on
    the centre heat, smooth L1 on the offsets inside objects.

    Parameters
    ----------
    maps_nchw
        Network output, shape (N, 4, Y, X): foreground logit, centre logit, offset y, offset x.
    targets_nchw
        Shape (N, 5, Y, X): foreground, centre heat, offset y, offset x, weight (0: ignore this pixel).

    Returns
    -------
    Tensor
        Scalar >= 0.
    """
    foreground, heat, offsets, weight = (
        targets_nchw[:, 0],
        targets_nchw[:, 1],
        targets_nchw[:, 2:4],
        targets_nchw[:, 4],
    )
    valid = (weight > 0).to(weight.dtype)
    area = valid.sum().clamp(min=1.0)
    region = F.binary_cross_entropy_with_logits(maps_nchw[:, 0], foreground, weight=weight, reduction="sum") / area
    centre = F.binary_cross_entropy_with_logits(maps_nchw[:, 1], heat, weight=valid, reduction="sum") / area
    inside = foreground * valid
    distance = F.smooth_l1_loss(maps_nchw[:, 2:4], offsets, reduction="none").sum(dim=1)
    direction = (distance * inside).sum() / inside.sum().clamp(min=1.0)
    return region + DICE_SHARE * dice_loss(maps_nchw[:, 0], foreground, valid) + centre + OFFSET_SHARE * direction


def dice_loss(logits_nyx: Tensor, truth_nyx: Tensor, valid_nyx: Tensor) -> Tensor:
    """Return 1 - soft Dice over the valid pixels of the whole batch, a scalar in [0, 1]."""
    probability = logits_nyx.sigmoid() * valid_nyx
    truth = truth_nyx * valid_nyx
    return 1.0 - (2.0 * (probability * truth).sum() + 1.0) / (probability.sum() + truth.sum() + 1.0)
