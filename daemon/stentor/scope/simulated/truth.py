"""Truth: what was really in front of the objective, frame by frame; for evaluators, never for the pipeline."""

import logging
import queue
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stentor.core.errors import RecordError, SourceError
from stentor.scope.simulated.placement import Placement
from stentor.scope.simulated.specimen import Specimen

logger = logging.getLogger(__name__)

_SUBPIXEL_BITS = 4
_QUEUE_FRAMES = 256


@dataclass(frozen=True)
class Truth:
    """The nuclei of one frame, as columns of V rows; pixels are those of the delivered (cropped) image.

    frame: the camera's counter. shape: (height, width). outlines_px: (V, P, 2) float32 column and row.
    ids, parents: (V,), parent 0 for founders. centroids_px: (V, 2) column and row of the outline's area.
    looks: (V,) `population.Look`. stage_um: true x, y, z. specimen_s: the specimen's time.
    """

    frame: int
    shape: tuple[int, int]
    outlines_px: NDArray[np.float32]
    ids: NDArray[np.int64]
    parents: NDArray[np.int64]
    centroids_px: NDArray[np.float64]
    looks: NDArray[np.int64]
    stage_um: tuple[float, float, float]
    specimen_s: float

    def labels(self) -> NDArray[np.int32]:
        """Draw the label image: (Y, X), 0 for background, else the nucleus' id; later rows lie on top."""
        image = np.zeros(self.shape, np.int32)
        points = np.rint(self.outlines_px * 2**_SUBPIXEL_BITS).astype(np.int32)
        for outline, number in zip(points, self.ids.tolist(), strict=True):
            cv2.fillPoly(image, [outline], float(number), lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
        return image

    def binned(self, factor: int) -> "Truth":
        """Give the same truth in pixels that are `factor` times as large."""
        if factor == 1:
            return self
        shape = (self.shape[0] // factor, self.shape[1] // factor)
        outlines = ((self.outlines_px + 0.5) / factor - 0.5).astype(np.float32)
        return replace(self, shape=shape, outlines_px=outlines, centroids_px=(self.centroids_px + 0.5) / factor - 0.5)

    def cropped(self, x: int, y: int, width: int, height: int) -> "Truth":
        """Give the same truth in the pixels of a region of interest."""
        shift = np.array([x, y])
        outlines = self.outlines_px - shift.astype(np.float32)
        return replace(self, shape=(height, width), outlines_px=outlines, centroids_px=self.centroids_px - shift)


def observe(
    specimen: Specimen,
    placement: Placement,
    *,
    frame: int,
    shape: tuple[int, int],
    stage_um: tuple[float, float, float],
) -> Truth:
    """Note the truth of a frame at the moment of its exposure."""
    crowd, rows = specimen.population, placement.rows
    outlines = specimen.catalogue.bank.outlines[placement.sprite].astype(np.float64)
    outlines = np.einsum("vij,vpj->vpi", placement.turn, outlines) + placement.centre_px[:, None, :]
    seen = np.all((outlines.max(axis=1) >= 0) & (outlines.min(axis=1) <= (shape[1] - 1, shape[0] - 1)), axis=1)
    return Truth(
        frame=frame,
        shape=shape,
        outlines_px=outlines[seen].astype(np.float32),
        ids=crowd.id[rows][seen],
        parents=crowd.parent[rows][seen],
        centroids_px=_centroids(outlines[seen]),
        looks=crowd.looks()[rows][seen],
        stage_um=stage_um,
        specimen_s=specimen.time_s,
    )


def _centroids(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres of area of V polygons, by the shoelace formula."""
    middle = outlines.mean(axis=1, keepdims=True) if len(outlines) else outlines[:, :1]
    here = outlines - middle
    following = np.roll(here, -1, axis=1)
    cross = here[..., 0] * following[..., 1] - following[..., 0] * here[..., 1]
    area = cross.sum(axis=1)
    moments = ((here + following) * cross[..., None]).sum(axis=1)
    centres: NDArray[np.float64] = middle[:, 0] + moments / (3 * np.where(area == 0, 1, area))[:, None]
    return centres


class TruthRecorder:
    """Writes truths to `folder/frame_000000012.npz` in a thread of its own.

    The camera calls `put` and never waits: when the disk is slower than the camera for longer than the queue lasts,
    truths are lost, counted in `lost` and named once in the log. `close` writes what is queued, for at most 30 s.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lost = 0
        self._queue: queue.Queue[Truth | None] = queue.Queue(_QUEUE_FRAMES)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise RecordError(f"{folder}: cannot make the truth folder ({err}); choose another") from err
        self._thread = threading.Thread(target=self._write_all, name="stentor-truth", daemon=True)
        self._thread.start()

    def put(self, truth: Truth) -> None:
        """Hand a truth over, or count it as lost."""
        try:
            self._queue.put_nowait(truth)
        except queue.Full:
            if not self.lost:
                logger.warning("truth folder %s is slower than the camera: truths are being lost", self._folder)
            self.lost += 1

    def close(self) -> None:
        """Finish writing; may be called twice."""
        if self._thread.is_alive():
            self._queue.put(None, timeout=30)
            self._thread.join(timeout=30)

    def _write_all(self) -> None:
        while (truth := self._queue.get()) is not None:
            try:
                _write(self._folder, truth)
            except OSError as err:
                if not self.lost:
                    logger.error("truth folder %s: %s; truths are being lost", self._folder, err)
                self.lost += 1


def _write(folder: Path, truth: Truth) -> None:
    target = _path(folder, truth.frame)
    partial = target.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            labels=truth.labels(),
            frame=truth.frame,
            outlines_px=truth.outlines_px,
            ids=truth.ids,
            parents=truth.parents,
            centroids_px=truth.centroids_px,
            looks=truth.looks,
            stage_um=np.array(truth.stage_um),
            specimen_s=truth.specimen_s,
        )
    partial.replace(target)


def read_truth(folder: Path | str, frame: int) -> Truth:
    """Read the truth of one frame back by the camera's counter.

    Raises
    ------
    SourceError
        If no truth of that frame was written.
    """
    path = _path(Path(folder), frame)
    if not path.exists():
        raise SourceError(f"{path}: no truth of frame {frame}; was `truth_folder` set, and the recorder closed?")
    with np.load(path, allow_pickle=False) as saved:
        return Truth(
            frame=int(saved["frame"]),
            shape=(int(saved["labels"].shape[0]), int(saved["labels"].shape[1])),
            outlines_px=saved["outlines_px"],
            ids=saved["ids"],
            parents=saved["parents"],
            centroids_px=saved["centroids_px"],
            looks=saved["looks"],
            stage_um=(float(saved["stage_um"][0]), float(saved["stage_um"][1]), float(saved["stage_um"][2])),
            specimen_s=float(saved["specimen_s"]),
        )


def _path(folder: Path, frame: int) -> Path:
    return folder / f"frame_{frame:09d}.npz"
