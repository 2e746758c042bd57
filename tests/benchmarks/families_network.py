"""Families network: one small trunk that answers for every family of instance segmentation at once.

Trained on equal terms, by one seeded run on the training side of the split, so that what differs between two families
is what their maps and their post-processors make of the same features.

Run: python tests/benchmarks/families_network.py DATA_FOLDER OUT.onnx [MINUTES]     (needs the extra [train])
"""

import io
import logging
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from stentor.inference.normalise import compress
from stentor.train.augment import vary
from stentor.train.family_targets import edge_distance, heat_flows, object_probability, ray_distances
from stentor.train.losses import dice_loss
from stentor.train.network import ConvBlock
from stentor.train.nuclei_data import Specimen, load_specimens
from stentor.train.settings import NUCLEI_SETS, TrainSettings
from stentor.train.split import Part
from stentor.train.targets import draw_targets, table_of

logger = logging.getLogger(__name__)

WIDTHS = (12, 20, 32, 40)
RAYS = 32
OUTPUTS = (
    *("foreground", "centre", "offset_y_px", "offset_x_px", "distance_px", "flow_y", "flow_x", "probability"),
    *(f"ray_{ray}_px" for ray in range(RAYS)),
)
UNIT_PX = 10.0
"""Lengths are learned in this unit."""

FLOW_SCALE = 5.0
"""Flows are learned and answered five times as long as they are, as the Cellpose networks do."""

DIAMETER_PX = 26.0
POOL = 420
POOL_PX = 224
CROP_PX = 160
BATCH = 8
PEAK_RATE = 4e-3


class FamiliesNetwork(nn.Module):
    """Map (N, 1, Y, X) to (N, 40, Y, X), a U-Net at half resolution; channels as in `OUTPUTS`, in logits and units."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(ConvBlock(a, b) for a, b in zip((4, *WIDTHS[:-1]), WIDTHS, strict=True))
        upwards = list(zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True))
        self.narrow = nn.ModuleList(nn.Conv2d(below, above, 1) for below, above in upwards)
        self.up = nn.ModuleList(ConvBlock(above, above) for _, above in upwards)
        self.head = nn.Conv2d(WIDTHS[0], 4 * len(OUTPUTS), 3, padding=1)

    def forward(self, image_nchw: Tensor) -> Tensor:
        x = F.pixel_unshuffle(image_nchw, 2)
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for narrow, block in zip(self.narrow, self.up, strict=True):
            x = block(F.interpolate(narrow(x), scale_factor=2.0, mode="nearest") + skips.pop())
        return F.pixel_shuffle(self.head(x), 2)


class Answers(nn.Module):
    """The network as a reader wants it: probabilities, pixels, and flows of length `FLOW_SCALE`."""

    def __init__(self, network: FamiliesNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image_nchw: Tensor) -> Tensor:
        m = self.network(image_nchw)
        lengths = [m[:, 2:5] * UNIT_PX, m[:, 5:7], torch.sigmoid(m[:, 7:8]), F.softplus(m[:, 8:]) * UNIT_PX]
        return torch.cat([torch.sigmoid(m[:, :2]), *lengths], dim=1)


def draw_example(specimen: Specimen, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """Cut a scaled, turned square out of a specimen: the plane (Y, X), and the targets (41, Y, X), weight last."""
    mean_px = specimen.objects.mean_diameter_px or DIAMETER_PX
    scale = DIAMETER_PX / mean_px * 1.4 ** rng.uniform(-1.0, 1.0)
    shape = [max(POOL_PX, round(side * scale)) for side in specimen.image_yx.shape]
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(specimen.scaled_yx, shape[::-1], interpolation=shrinks)
    labels = cv2.resize(specimen.labels_yx, shape[::-1], interpolation=cv2.INTER_NEAREST)
    y, x = (int(rng.integers(0, side - POOL_PX + 1)) for side in shape)
    turns, flips = int(rng.integers(4)), bool(rng.integers(2))
    image = np.rot90(image[y : y + POOL_PX, x : x + POOL_PX], turns)[:, :: -1 if flips else 1]
    labels = np.rot90(labels[y : y + POOL_PX, x : x + POOL_PX], turns)[:, :: -1 if flips else 1]
    labels = np.ascontiguousarray(labels)
    numbers = np.unique(labels.astype(np.int32), return_inverse=True)[1].reshape(labels.shape)
    numbers = numbers + int(labels.min() > 0)
    ours = draw_targets(numbers.astype(np.float32), table_of(numbers))
    maps = np.concatenate(
        [
            ours[:4],
            edge_distance(numbers)[None] / UNIT_PX,
            heat_flows(numbers) * FLOW_SCALE,
            object_probability(numbers)[None],
            ray_distances(numbers, RAYS) / UNIT_PX,
            ours[4:],
        ]
    )
    return np.ascontiguousarray(image), maps.astype(np.float16)


def families_loss(maps: Tensor, targets: Tensor) -> Tensor:
    """Add the families' own losses: cross entropies, Dice, smooth L1 on lengths, squares on flows."""
    weight, foreground = targets[:, -1], targets[:, 0]
    inside = foreground.sum().clamp(min=1.0)
    bce = F.binary_cross_entropy_with_logits
    region = bce(maps[:, 0], foreground, weight=weight) + 0.3 * dice_loss(
        maps[:, 0], foreground, torch.ones_like(weight)
    )
    heats = bce(maps[:, 1], targets[:, 1]) + bce(maps[:, 7], targets[:, 7])
    offsets = (F.smooth_l1_loss(maps[:, 2:4], targets[:, 2:4], reduction="none").sum(1) * foreground).sum() / inside
    distance = 3.0 * F.smooth_l1_loss(maps[:, 4], targets[:, 4])
    flows = 0.2 * F.mse_loss(maps[:, 5:7], targets[:, 5:7])
    rays = F.smooth_l1_loss(F.softplus(maps[:, 8:]), targets[:, 8:-1], reduction="none", beta=0.1).mean(1)
    return region + heats + offsets + distance + flows + 2.0 * (rays * targets[:, 7]).sum() / inside


def draw_batch(pool: list[tuple[NDArray[np.float32], NDArray[np.float16]]], rng: np.random.Generator) -> list[Tensor]:
    """Draw `BATCH` windows with another exposure, focus and noise each time: images and targets."""
    images, targets = [], []
    for chosen in rng.integers(len(pool), size=BATCH):
        y, x = (int(v) for v in rng.integers(0, POOL_PX - CROP_PX + 1, 2))
        plane, maps = pool[chosen]
        images.append(compress(vary(plane[y : y + CROP_PX, x : x + CROP_PX], rng))[None])
        targets.append(maps[:, y : y + CROP_PX, x : x + CROP_PX].astype(np.float32))
    return [torch.from_numpy(np.stack(arrays)) for arrays in (images, targets)]


def train(data: str, minutes: float, seed: int = 1) -> FamiliesNetwork:
    """Train one network on the training side of the split for so many minutes, the drawing of the pool apart."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    settings = TrainSettings(data=data, out="", scratch="", sets=NUCLEI_SETS[:2])
    specimens = [s for s in load_specimens(settings) if s.part is Part.TRAIN]
    order = np.concatenate([rng.permutation(len(specimens)) for _ in range(POOL // len(specimens) + 1)])[:POOL]
    pool = [draw_example(specimens[number], rng) for number in order]
    logger.info("pool of %d crops from %d images", len(pool), len(specimens))
    network = FamiliesNetwork().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=1e-4)
    begun, step, recent = time.monotonic(), 0, []
    while (done := (time.monotonic() - begun) / (60 * minutes)) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * done))
        images, targets = draw_batch(pool, rng)
        loss = families_loss(network(images.to(memory_format=torch.channels_last)), targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        recent.append(float(loss.detach()))
        step += 1
        if step % 100 == 0:
            logger.info("step %d, %.0f %%: loss %.4f", step, 100 * done, np.mean(recent[-100:]))
    return network.eval()


def export(network: FamiliesNetwork, path: Path) -> None:
    """Write input `image` (1, 1, Y, X) to `maps` (1, 40, Y, X), sides free multiples of 16."""
    written = io.BytesIO()
    whole = Answers(network.to(memory_format=torch.contiguous_format)).eval()
    free = {2: "height", 3: "width"}
    with torch.no_grad():
        torch.onnx.export(
            whole, (torch.zeros(1, 1, 64, 96),), written, dynamo=False, input_names=["image"], output_names=["maps"],
            dynamic_axes={"image": free, "maps": free}, opset_version=17, do_constant_folding=True,
        )  # fmt: skip
    onnx.checker.check_model(onnx.load_from_string(written.getvalue()), full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    out, minutes = Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 12.0
    export(train(sys.argv[1], minutes), out)
    logger.info("%s: %d bytes", out, out.stat().st_size)
