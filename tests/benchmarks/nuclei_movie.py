"""Nuclei movie: a drawn time-lapse of real nuclei, cut from labelled images, that walk, collide and divide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MovieFrame:
    """One frame: image (Y, X) uint16 and labels (Y, X) int32, whose values are the true track numbers."""

    image_yx: NDArray[np.uint16]
    labels_yx: NDArray[np.int32]


@dataclass
class Cell:
    """One nucleus: where it is, what it looks like, and how many frames it has lived."""

    number: int
    place: NDArray[np.float64]
    heading: NDArray[np.float64]
    sprite: int
    angle: float
    cycle_frames: int
    scale: float = 1.0
    parent: int = 0
    age: int = 0


@dataclass(eq=False)
class Movie:
    """Iterate to play; afterwards `parents` tells the mother of every number, 0 for none, and `divisions` when.

    Parameters
    ----------
    step
        Median step in diameters, from frame to frame.
    persistence
        Share of the last step that is repeated.
    """

    sprites: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]]
    shape: tuple[int, int] = (512, 512)
    cells: int = 60
    frames: int = 60
    step: float = 0.5
    persistence: float = 0.3
    seed: int = 1
    parents: dict[int, int] = field(default_factory=dict)
    divisions: list[tuple[int, int]] = field(default_factory=list)

    def __iter__(self) -> Iterator[MovieFrame]:
        rng = np.random.default_rng(self.seed)
        diameter_px = float(np.median([np.sqrt(4 / np.pi * (mask > 0).sum()) for _, mask in self.sprites]))
        culture: list[Cell] = []
        self._number = 0
        for _ in range(self.cells):
            place = rng.uniform(20, np.array(self.shape) - 20)
            culture.append(self._cell(rng, place, int(rng.integers(8, 70))))
        for _ in range(80):
            self._push_apart(culture, diameter_px)
        for frame in range(self.frames):
            if frame:
                culture = self._grown(culture, rng, frame)
                self._walk(culture, rng, diameter_px)
            yield self._drawn(culture, rng)

    def _cell(self, rng: np.random.Generator, place: NDArray[np.float64], cycle: int, parent: int = 0) -> Cell:
        self._number += 1
        self.parents[self._number] = parent
        sprite, angle = int(rng.integers(len(self.sprites))), float(rng.uniform(0, 360))
        return Cell(self._number, place, np.zeros(2), sprite, angle, cycle, parent=parent)

    def _grown(self, culture: list[Cell], rng: np.random.Generator, frame: int) -> list[Cell]:
        grown: list[Cell] = []
        for cell in culture:
            cell.age += 1
            if cell.age < cell.cycle_frames:
                grown.append(cell)
                continue
            axis = np.array([np.sin(np.radians(cell.angle)), np.cos(np.radians(cell.angle))])
            self.divisions.append((frame, cell.number))
            for side in (-1, 1):
                daughter = self._cell(rng, cell.place + side * 8.0 * axis, int(rng.integers(25, 70)), cell.number)
                # Another picture, of about the mother's size: daughters are half of her.
                areas = [float((self.sprites[at][1] > 0).sum()) for at in (cell.sprite, daughter.sprite)]
                daughter.scale = cell.scale * float(np.sqrt(areas[0] / areas[1]) * rng.lognormal(0.0, 0.05))
                grown.append(daughter)
        return grown

    def _walk(self, culture: list[Cell], rng: np.random.Generator, diameter_px: float) -> None:
        sd = self.step * diameter_px / 1.177
        for cell in culture:
            # A cell in mitosis stays where it is, and so do its daughters at first.
            slow = 0.3 if cell.cycle_frames - cell.age <= 2 or (cell.parent and cell.age == 0) else 1.0
            kick = rng.normal(0, sd * np.sqrt(1 - self.persistence**2), 2)
            cell.heading = self.persistence * cell.heading + kick
            cell.place = cell.place + slow * cell.heading
            for axis in (0, 1):
                low, high = 14.0, self.shape[axis] - 14.0
                if not low <= cell.place[axis] <= high:
                    cell.place[axis] = np.clip(cell.place[axis], low, high)
                    cell.heading[axis] *= -1
        for _ in range(6):
            self._push_apart(culture, diameter_px)

    def _push_apart(self, culture: list[Cell], diameter_px: float) -> None:
        place = np.array([cell.place for cell in culture])
        size = np.array([self._size(cell)[0] for cell in culture]) * diameter_px
        apart = place[:, None] - place[None]
        distance = np.hypot(apart[..., 0], apart[..., 1]) + 1e-6
        room = 0.5 * (size[:, None] + size[None]) * 1.0
        push = np.where(distance < room, (room - distance) / 2, 0.0)
        np.fill_diagonal(push, 0.0)
        moved = place + 0.6 * (apart / distance[..., None] * push[..., None]).sum(axis=1)
        moved = np.clip(moved, 12, np.array(self.shape) - 12)
        for cell, new in zip(culture, moved, strict=True):
            cell.place = new

    @staticmethod
    def _size(cell: Cell) -> tuple[float, float]:
        """Return diameter and brightness relative to an average resting nucleus."""
        left = cell.cycle_frames - cell.age
        if left <= 2:
            return 0.8, 1.9
        if cell.parent and cell.age < 6:
            return 0.66 + 0.04 * cell.age, 1.7 - 0.11 * cell.age
        return 0.92 + 0.16 * min(1.0, cell.age / cell.cycle_frames), 1.0

    def _drawn(self, culture: list[Cell], rng: np.random.Generator) -> MovieFrame:
        light = np.zeros(self.shape, np.float32)
        labels = np.zeros(self.shape, np.int32)
        for cell in culture:
            image, mask = self.sprites[cell.sprite]
            size, gain = self._size(cell)
            middle = (image.shape[1] / 2, image.shape[0] / 2)
            turn = cv2.getRotationMatrix2D(middle, cell.angle, size * cell.scale)
            turn[:, 2] += cell.place[::-1] - np.array([image.shape[1], image.shape[0]]) / 2
            where = self.shape[::-1]
            light += gain * np.asarray(cv2.warpAffine(image, turn, where, flags=cv2.INTER_LINEAR))
            drawn = np.asarray(cv2.warpAffine(mask, turn, where, flags=cv2.INTER_NEAREST)) > 0
            labels[drawn & (labels == 0)] = cell.number
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.7))
        counts = 150 + rng.poisson(np.maximum(light, 0.0) + 20.0) + rng.normal(0, 3, self.shape)
        return MovieFrame(np.clip(counts, 0, 65535).astype(np.uint16), labels)


def sprites_of(images: Sequence[tuple[NDArray[Any], NDArray[Any]]], least_px: int = 200) -> list[Any]:
    """Cut whole nuclei out of labelled images: (light above background float32, mask uint8) in squares of 64 px."""
    cut: list[Any] = []
    for image, labels in images:
        background = float(np.median(image[labels == 0]))
        bright = float(np.mean(image[labels > 0])) - background
        for label in np.unique(labels)[1:]:
            rows, columns = np.nonzero(labels == label)
            y, x = int(rows.mean()), int(columns.mean())
            window = np.s_[y - 32 : y + 32, x - 32 : x + 32]
            mask = (labels[window] == label).astype(np.uint8)
            if mask.shape != (64, 64) or mask.sum() < max(least_px, len(rows)) or len(rows) > 1600:
                continue
            soft = cv2.GaussianBlur(cv2.dilate(mask, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 0.8)
            light = (image[window].astype(np.float32) - background) * soft
            cut.append((light * np.float32(400 / bright), mask))
    return cut
