"""Rehearsal: one experiment on the living specimen, as fast as this machine can, with its truth on the side."""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import structs

from stentor.core.action import Acquire, GoOn, Receipt, Request
from stentor.core.clock import NS_PER_S
from stentor.core.errors import ConfigError, PublishError, SourceError
from stentor.microscope.arrival import Arrival
from stentor.rehearsal.analyst import Analyst
from stentor.rehearsal.panel import Panel
from stentor.rehearsal.performance import Performance, Shot, TrueDivision
from stentor.rehearsal.skipping_clock import SkippingClock
from stentor.scope.hands.opening import Hands
from stentor.scope.planned import make_agenda, read_sequence
from stentor.scope.rig import Rig, open_rig
from stentor.scope.settings import RigSettings
from stentor.service.agreement import build_agreed_plan
from stentor.service.controllers import RESERVED
from stentor.service.foresight import check_images
from stentor.service.settings import Settings

if TYPE_CHECKING:
    from stentor.scope.simulated.microscope import Microscope

logger = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 0.25
"""Requests of nobody can come while time is skipped, so that it need not go in small steps."""

ALL_REFUSED: Final = 1000
"""Refused images after which nobody waits for a first one, whatever would come later, such as the rest of a sequence:
without a result nobody changes what is asked for, and hours of refusals take their time."""


def at_interval(settings: Settings, interval_s: float) -> Settings:
    """Return the same experiment at a constant interval, until its duration is over, waiting for nobody's decision."""
    acquisition = structs.replace(settings.acquisition, rate_hz=1.0 / interval_s, frames=None, barrier=None)
    return structs.replace(settings, acquisition=acquisition)


def simulated(rig: RigSettings) -> RigSettings:
    """Return the simulated microscope in place of a rig; what another one calls camera and channels is left out."""
    if rig.kind == "simulated":
        return structs.replace(rig, engine=None)
    return RigSettings(exposure_ms=rig.exposure_ms, simulated=rig.simulated)


class Rehearsal:
    """Used once: `run`.

    Plan, guard, agenda and controllers are those of the experiment itself; they share one thread here, so that an
    image waits until the one before it has been decided on. Time is the microscope's: what a model takes counts.

    Parameters
    ----------
    settings
        Of an experiment with `acquisition.mode = "adaptive"`; its microscope is the simulated one, whatever `rig.kind`
        says, and its guard is armed.
    duration_s
        Time of the microscope after which it ends.
    is_watched
        Whether plan and controllers take part; without them it is a fixed acquisition.
    on_progress
        Told the share that is done, now and then.

    Attributes
    ----------
    is_stopped
        Whether somebody has ended it early.

    Raises
    ------
    ConfigError
        If the settings do not make such an experiment.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        duration_s: float,
        is_watched: bool = True,
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> None:
        if settings.acquisition.mode != "adaptive":
            raise ConfigError('a rehearsal needs acquisition.mode = "adaptive": time points that requests may change')
        check_images(structs.replace(settings, rig=simulated(settings.rig)))
        if is_watched and not settings.controller:
            raise ConfigError(
                "there is no [[controller]] in the configuration: nothing would be decided; a script is tried with "
                "`stentor run` on the simulated microscope, or written as a controller"
            )
        plan = build_agreed_plan(settings) if is_watched else []
        self._settings = settings
        self._duration_s = duration_s
        self._on_progress = on_progress
        self._clock = SkippingClock()
        self._analyst = Analyst(plan, self._clock) if is_watched else None
        self._panel = Panel(settings.controller, self._ask, self._clock) if is_watched else None
        self._decisions: list[tuple[Request, Receipt]] = []
        self._shots: list[Shot] = []
        self._waiting: list[Arrival] = []
        self._seen = 0
        self._began_ns = 0
        self.is_stopped = False

    def stop(self) -> None:
        """End it after the image under way; from any thread, or a signal's handler."""
        self.is_stopped = True

    def run(self) -> Performance:
        """Take images until the duration is over, or `stop`.

        Raises
        ------
        ConfigError
            If there was not one image; the message says why.
        SourceError
            If the simulated microscope fails.
        """
        began_s = time.monotonic()
        rig = open_rig(simulated(self._settings.rig), self._clock)
        try:
            try:
                hands = self._open_hands(rig)
            except ConfigError as err:
                raise ConfigError(f"{err}; a rehearsal has the simulated microscope's devices, not yours") from err
            microscope: Microscope = rig.core.microscope  # type: ignore[attr-defined]  # the side door to the truth
            self._rig, self._hands, self._microscope = rig, hands, microscope
            if self._analyst is not None:
                self._analyst.prepare(rig.frame_spec())
            acquisition = self._settings.acquisition
            self._agenda = make_agenda(
                acquisition,
                read_sequence(acquisition),
                rig.core,
                clock=self._clock,
                meanwhile=self._meanwhile,
                detour=hands.detour,
                on_overdue=hands.desk.note_overdue,
            )
            hands.desk.course = self._agenda
            self._began_ns = self._clock.monotonic_ns()
            report = rig.engine.run(self._agenda, self._keep)
            if report.error is not None:
                raise SourceError(report.error)
            if report.complaint is not None:
                logger.warning("images may not have been taken as they were meant to: %s", report.complaint)
            if not self._shots and self.is_stopped:
                raise KeyboardInterrupt
            if not self._shots:
                raise ConfigError(f"no image was taken: {self._why_dark()}")
            return self._performance(time.monotonic() - began_s)
        finally:
            rig.close()
            for part in (self._panel, self._analyst):
                if part is not None:
                    part.close()

    def _open_hands(self, rig: Rig) -> Hands:
        self._headers = rig.headers(
            stream=self._settings.source.stream, run=uuid.uuid4().hex, clock_id=self._clock.clock_id
        )
        hands = Hands(
            structs.replace(self._settings.guard, armed=True),
            rig.core,
            self._clock,
            journal=None,
            abort=self._abort,
            log=self._note_own,
            projector=rig.settings.projector,
            on_change=self._headers.reread,
        )
        rig.engine.between = hands.gatekeeper
        return hands

    def _abort(self) -> None:
        self._agenda.stop()

    def _keep(self, arrival: Arrival) -> None:
        self._waiting.append(replace(arrival, pixels=arrival.pixels.copy()))  # they are lent

    def _meanwhile(self, wait_s: float) -> None:
        """Decide on what was seen, then let the wait pass at once; on the engine's thread."""
        while self._waiting:
            self._take(self._waiting.pop(0))
        self._hands.gatekeeper.serve(0.0)
        self._clock.skip(min(wait_s, LONGEST_WAIT_S))
        is_dark = not self._shots and self._hands.gatekeeper.refused >= ALL_REFUSED
        if is_dark or self.is_stopped or self._now_s() >= self._duration_s:
            self._agenda.stop()

    def _why_dark(self) -> str:
        for request, receipt in self._decisions:
            if receipt.verdict == "refused" and isinstance(request.action, Acquire):
                return (
                    f"the guard refuses {request.cause.reason} by {receipt.rule}: {receipt.text}; change "
                    "what is imaged, or that limit in [guard]"
                )
        return "the acquisition asks for none; look at acquisition.sequence_file"

    def _take(self, arrival: Arrival) -> None:
        arrival = replace(arrival, received_ns=self._clock.monotonic_ns())
        header = self._headers.make(arrival, self._seen)
        self._seen += 1
        self._note_truth(arrival, "asked" in header.axes)
        if self._seen % 50 == 0:
            self._on_progress(min(1.0, self._now_s() / self._duration_s))
        if self._analyst is None or self._panel is None:
            return
        result = self._analyst.see(header, arrival.pixels)
        if result is not None:
            self._panel.show(result)

    def _note_truth(self, arrival: Arrival, is_asked: bool) -> None:
        tags = arrival.metadata["camera_metadata"]
        truth = self._microscope.truth_of(int(tags["FrameCounter"]))
        start_ns, end_ns = int(tags["ExposureStart_ns"]), int(tags["ExposureEnd_ns"])
        self._shots.append(
            Shot(
                time_s=(end_ns - self._began_ns) / NS_PER_S,
                specimen_s=truth.specimen_s,
                is_asked=is_asked,
                exposure_ms=(end_ns - start_ns) / 1e6,
                ids=truth.ids,
                centroids_px=truth.centroids_px,
                shape_yx=truth.shape,
            )
        )

    def _ask(self, request: Request, timeout_s: float) -> Receipt:
        answers: list[Receipt] = []
        self._hands.desk.take(request, answers.append)
        if not answers:
            self._hands.desk.serve(0.0)
        if not answers:
            raise PublishError("the acquisition is over")
        if not (isinstance(request.action, GoOn) and answers[0].is_done):
            self._decisions.append((request, answers[0]))
        return answers[0]

    def _note_own(self, request: Request, receipt: Receipt, left_out: int | None = None, /) -> None:
        # Not what controllers ask for: of many refusals the log has the first, and the score counts all.
        if request.cause.controller in RESERVED:
            self._decisions.append((request, receipt))

    def _now_s(self) -> float:
        return (self._clock.monotonic_ns() - self._began_ns) / NS_PER_S

    def _performance(self, took_s: float) -> Performance:
        specimen, scale = self._microscope.specimen, self._settings.rig.simulated.time_scale
        # Not from an image: the specimen's own time goes in steps of 20 s.
        born_s = (self._microscope.born_ns - self._began_ns) / NS_PER_S
        seen = np.unique(np.concatenate([shot.ids for shot in self._shots])) if self._shots else np.empty(0, np.int64)
        crowd = specimen.population
        ours, lit = np.isin(crowd.id, seen), crowd.stimulated_s > 0
        return Performance(
            shots=tuple(self._shots),
            divisions=tuple(
                TrueDivision(division.time_s / scale + born_s, division.parent, division.daughters)
                for division in specimen.divisions
            ),
            deaths={death.nucleus: death.time_s / scale + born_s for death in specimen.deaths},
            decisions=tuple(self._decisions),
            began_ns=self._began_ns,
            light_s=float(crowd.dose_s[ours].mean()) if ours.any() else 0.0,
            failed=0 if self._analyst is None else self._analyst.failed,
            stimulated_s=dict(zip(crowd.id[lit].tolist(), crowd.stimulated_s[lit].tolist(), strict=True)),
            undecided=0 if self._panel is None else sum(self._panel.failures.values()),
            took_s=took_s,
        )
