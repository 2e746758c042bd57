"""Cellpose flows: every object pixel drifts along a field of arrows, and those that end together are one object."""

from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from stentor.inference.postprocess.foreground import Foreground
from stentor.inference.postprocess.nearest_seed import nearest_seed
from stentor.inference.postprocess.scratch import SCRATCH
from stentor.inference.postprocess.size_cut import renumbering

COARSE_FROM: Final = 40_000
"""Object pixels from which the field is followed on every second row and column only."""


class CellposeFlows(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reads two components of a flow, which leads towards the middle of each object, and the probability of objects.

    The way of a pixel is not walked but doubled: where a pixel is after 2k steps is where the pixel on which it stands
    after k steps gets in k further ones, kept to fractions of a pixel. Pixels with at least `least_votes` ends around
    them are sinks, and sinks that touch are one. The original walks 200 steps for each pixel and grows the sinks from
    peaks; the flow-error filter and the filling of holes, which cost most of its time, are left out: `least_drift`
    drops what a flow does not hold together.

    Attributes
    ----------
    probability
        Pixels above are object; 0.0 where the network answers with a logit.
    flow_y, flow_x, probability_channel
        Where the maps lie.
    flow_scale
        Length of an arrow that means one pixel a step: 5 for the networks of Cellpose.
    doublings
        2 to this power steps are taken; 7 serve objects of up to about 200 px.
    least_votes
        Ends in the 3 x 3 pixels around a sink, in pixels of the image; fewer are strays.
    reach_px
        What ends further than this from every sink counts for none and becomes objects of its own.
    least_drift
        Mean length of the flow in an object, 0 to 1, below which it is noise and goes; 0: nothing goes.
    least_area_px, least_share_of_median
        See `size_cut.renumbering`.

    References
    ----------
    Stringer et al. 2021, Nat Methods, "Cellpose: a generalist algorithm for cellular segmentation".
    """

    probability: float = 0.5
    flow_y: int = 0
    flow_x: int = 1
    probability_channel: int = 2
    flow_scale: float = 5.0
    doublings: int = 7
    least_votes: float = 16.0
    reach_px: float = 6.0
    least_drift: float = 0.0
    least_area_px: float = 15.0
    least_share_of_median: float = 0.0

    def __call__(self, maps_cyx: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return labels 1..n, shape (Y, X), of maps (C, Y, X)."""
        foreground = Foreground(maps_cyx[self.probability_channel] > self.probability)
        numbers, step = np.zeros(foreground.size, np.int32), np.zeros((2, 0), np.float32)
        if foreground.size:
            step = self._step(maps_cyx, foreground)
            numbers = self._numbers(step, foreground)
        labels = foreground.label_image(
            numbers, least_area_px=self.least_area_px, least_share_of_median=self.least_share_of_median
        )
        return self._held_together(labels, foreground, step) if self.least_drift > 0 else labels

    def _step(self, maps_cyx: NDArray[np.float32], foreground: Foreground) -> NDArray[np.float32]:
        """Return the step of each object pixel, at most a pixel along each axis, shape (2, n); not a number: none."""
        flows = np.stack([foreground.values(maps_cyx[channel]) for channel in (self.flow_y, self.flow_x)])
        flows *= np.float32(1.0 / self.flow_scale)
        np.copyto(flows, np.float32(0.0), where=np.isnan(flows))
        return np.clip(flows, -1.0, 1.0, out=flows)

    def _numbers(self, step: NDArray[np.float32], foreground: Foreground) -> NDArray[np.int32]:
        """Return the sink of each object pixel, 1..m, 0 where there is none, shape (n,)."""
        if foreground.size < COARSE_FROM:
            return self._sinks(foreground.at(*follow(step, foreground, self.doublings)), foreground, self.least_votes)
        # Every second row and column is followed; the others join the one on which they stand two steps further.
        coarse = Foreground(np.ascontiguousarray(foreground.mask[::2, ::2]))
        listed = SCRATCH.array("listed", (foreground.mask.size,), np.int32)
        listed[foreground.flat] = np.arange(foreground.size, dtype=np.int32)
        own = listed.reshape(foreground.mask.shape)[::2, ::2].ravel()[coarse.flat]
        ends = coarse.at(*follow(step[:, own], coarse, self.doublings))
        found = np.zeros(coarse.mask.shape, np.int32)
        found.ravel()[coarse.flat] = self._sinks(ends, coarse, self.least_votes / 4)
        beyond = coarse.at(foreground.y / 2 + step[0], foreground.x / 2 + step[1])
        return np.take(found, beyond)

    def _sinks(self, ends: NDArray[np.intp], foreground: Foreground, least_votes: float) -> NDArray[np.int32]:
        """Return for each end which sink it belongs to, 1..m; 0: none within reach, shape (n,)."""
        shape = foreground.mask.shape
        votes = np.bincount(ends, minlength=foreground.mask.size).astype(np.float32).reshape(shape)
        around = cv2.boxFilter(votes, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        no_sink = np.asarray(around) < least_votes
        if no_sink.all():
            return np.zeros(ends.size, np.int32)
        distance, nearest = nearest_seed(no_sink)
        in_reach = np.take(distance, ends) <= self.reach_px
        return np.asarray(np.take(nearest, ends) * in_reach, np.int32)

    def _held_together(
        self, labels_yx: NDArray[np.int32], foreground: Foreground, step: NDArray[np.float32]
    ) -> NDArray[np.int32]:
        """Return the labels without the objects whose flow is weak on average, numbered anew."""
        numbers = foreground.values(labels_yx)
        area = np.bincount(numbers)
        drift = np.bincount(numbers, np.hypot(step[0], step[1])) / np.maximum(area, 1)
        area[drift < self.least_drift] = 0
        return np.take(renumbering(area, least_area_px=0, least_share_of_median=0), labels_yx)


def follow(
    step: NDArray[np.float32], foreground: Foreground, doublings: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where each object pixel stands after 2**doublings steps: rows and columns, shape (n,) each.

    Parameters
    ----------
    step
        Shape (2, n), in pixels. Who leaves the foreground stays where that happened.
    """
    n = foreground.size
    listed = SCRATCH.filled("listed", (foreground.mask.size,), np.int32, n)
    listed[foreground.flat] = np.arange(n, dtype=np.int32)
    start_y, start_x = foreground.y.astype(np.float32), foreground.x.astype(np.float32)
    way = np.zeros((2, n + 1), np.float32)  # the last one, of the background, leads nowhere
    way[:, :n] = step
    for _ in range(doublings):
        there = np.take(listed, foreground.at(start_y + way[0, :n], start_x + way[1, :n]))
        way[0, :n] += np.take(way[0], there)
        way[1, :n] += np.take(way[1], there)
    return start_y + way[0, :n], start_x + way[1, :n]
