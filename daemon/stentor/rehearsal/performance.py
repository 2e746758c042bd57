"""Performance: what happened in one rehearsal, truth included."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stentor.core.action import GoOn, MoveXY, ProjectMask, Receipt, Request


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One image and what was truly in it.

    Attributes
    ----------
    time_s
        End of its exposure, in the microscope's seconds from the start.
    specimen_s
        The specimen's own time.
    is_asked
        Whether a controller asked for it as an event of its own.
    ids, centroids_px
        Nuclei wholly in the image, shape (n,), and their column and row, shape (n, 2).
    shape_yx
        Of the image.
    """

    time_s: float
    specimen_s: float
    is_asked: bool
    exposure_ms: float
    ids: NDArray[np.int64]
    centroids_px: NDArray[np.float64]
    shape_yx: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TrueDivision:
    """One division: when, in the microscope's seconds from the start, and the ids of mother and daughters."""

    time_s: float
    parent: int
    daughters: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """One rehearsal.

    Attributes
    ----------
    shots
        In the order they were taken.
    divisions
        All of the specimen's, seen or not.
    decisions
        Every request with its answer.
    began_ns
        The clock at `time_s` 0.
    light_s
        Mean over the nuclei that were ever in an image and live still: seconds of full light that each has received.
    failed, undecided
        Images without a result, and results on which a controller raised.
    took_s
        What the rehearsal itself took.
    deaths
        By nucleus, when it was gone.
    stimulated_s
        By nucleus that lives still: seconds of full stimulation light, of those that received any.
    """

    shots: tuple[Shot, ...]
    divisions: tuple[TrueDivision, ...]
    decisions: tuple[tuple[Request, Receipt], ...]
    began_ns: int
    light_s: float
    failed: int
    took_s: float
    undecided: int = 0
    deaths: Mapping[int, float] = field(default_factory=dict)
    stimulated_s: Mapping[int, float] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """From the start to the last image, in the microscope's seconds."""
        return self.shots[-1].time_s if self.shots else 0.0

    @property
    def requests(self) -> tuple[tuple[Request, Receipt], ...]:
        """The decisions but for the acquisition's own words to go on at its barrier."""
        # A controller's word to go on is in no log, unless it was refused.
        return tuple(
            (request, receipt)
            for request, receipt in self.decisions
            if not (isinstance(request.action, GoOn) and receipt.is_done)
        )

    @property
    def is_about_a_target(self) -> bool:
        """Whether somebody wanted the stage moved while it ran, and so an object kept in the image."""
        return self._asks_for(MoveXY)

    @property
    def is_about_stimulation(self) -> bool:
        """Whether somebody wanted cells lit through a mask, or some were lit by stimulation light."""
        return bool(self.stimulated_s) or self._asks_for(ProjectMask)

    def _asks_for(self, kind: type[MoveXY] | type[ProjectMask]) -> bool:
        return any(isinstance(request.action, kind) for request, _ in self.decisions)
