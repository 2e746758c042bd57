"""Host: opens the rig, runs its acquisition, and hands every image to the daemon without waiting for it."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stentor.control.settings import GuardSettings
from stentor.core.clock import NS_PER_S, Clock
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.agenda import Agenda
from stentor.scope.between import LivePace
from stentor.scope.door import Door
from stentor.scope.engine import RunReport
from stentor.scope.handover import Handover
from stentor.scope.hands.flood import Log
from stentor.scope.hands.opening import Hands
from stentor.scope.planned import make_agenda, read_sequence
from stentor.scope.rig import Rig, open_rig
from stentor.scope.settings import RigSettings
from stentor.wire import ring
from stentor.wire.producer import FrameProducer

if TYPE_CHECKING:
    import useq

logger = logging.getLogger(__name__)

BEAT_EVERY_S: Final = 0.1
LOOK_EVERY_S: Final = 0.02
SETTLE_WITHIN_S: Final = 30.0
SETTLE_AT_ONCE_S: Final = 2.0


class ScopeHost:
    """Used once, by the main thread of the scope process: `run`.

    Parameters
    ----------
    guard
        The limits of everything that reaches the hardware.
    journal
        File of the light account; None: it is forgotten at the end.
    log
        Told every request with its answer.
    beat
        Called every tenth of a second while this process lives.
    on_frame
        Called once for every image that was named.
    on_stall
        Called when live images stay away longer than the settings allow: the driver hangs, and only the end of this
        process helps.
    must_stop
        Asked every tenth of a second whether to end the acquisition.
    """

    def __init__(
        self,
        rig: RigSettings,
        acquisition: AcquisitionSettings,
        guard: GuardSettings,
        *,
        journal: Path | None,
        log: Log,
        rig_name: str,
        stream: str,
        ring_slots: int,
        clock: Clock,
        beat: Callable[[], None],
        on_frame: Callable[[], None],
        on_stall: Callable[[], None],
        must_stop: Callable[[], bool],
    ) -> None:
        self._rig_settings = rig
        self._acquisition = acquisition
        self._guard = guard
        self._journal = journal
        self._log = log
        self._rig_name = rig_name
        self._stream = stream
        self._ring_slots = ring_slots
        self._clock = clock
        self._beat = beat
        self._on_frame = on_frame
        self._on_stall = on_stall
        self._must_stop = must_stop
        self._rig: Rig | None = None
        self._handover: Handover | None = None
        self._agenda: Agenda | None = None
        self._is_over = threading.Event()
        self._is_unwanted = threading.Event()

    def run(self) -> bool:
        """Acquire to the end; False: the acquisition failed, and the log says how.

        Raises
        ------
        ConfigError, SourceError
            If the rig cannot be opened or the acquisition cannot be started.
        """
        ring.sweep()
        events = read_sequence(self._acquisition)
        watch = threading.Thread(target=self._watch, name="scope-watch", daemon=True)
        watch.start()
        rig = open_rig(self._rig_settings)
        logger.info("microscope open: %s with %s", self._rig_settings.kind, self._rig_settings.engine_name)
        spec = rig.frame_spec()

        def make_producer(stream: str) -> FrameProducer:
            source = f"{self._rig_settings.kind} scope"
            return FrameProducer(
                self._rig_name, stream, source=source, spec=spec, clock=self._clock, ring_slots=self._ring_slots
            )

        handover = Handover(rig, make_producer, stream=self._stream, clock=self._clock, on_frame=self._on_frame)
        hands = Hands(
            self._guard,
            rig.core,
            self._clock,
            journal=self._journal,
            abort=self._abort,
            log=self._log,
            projector=rig.settings.projector,
            on_change=handover.reread,
        )
        rig.engine.between = hands.gatekeeper
        door = Door(hands.desk, self._clock, rig=self._rig_name)
        self._rig, self._handover = rig, handover
        try:
            door.open()
            hands.desk.course = course = self._plan(rig, events, hands)
            self._wait_for_daemon(handover, hands.gatekeeper.serve)
            report = self._acquire(rig, handover, events, course)
        finally:
            hands.close()
            door.close()
            rig.close()
            self._settle(handover)
            self._is_over.set()
            watch.join(1.0)
        return report is None or report.reason != "failed"

    def _wait_for_daemon(self, handover: Handover, serve: Callable[[float], None]) -> None:
        """Wait for the daemon; requests act meanwhile, for the hardware is at rest."""
        deadline_ns = self._clock.monotonic_ns() + int(self._acquisition.wait_for_daemon_s * NS_PER_S)
        while not self._is_ended and self._clock.monotonic_ns() < deadline_ns:
            if handover.is_welcome:
                return
            serve(LOOK_EVERY_S)
        if not self._is_ended:
            logger.warning(
                "the analysis is not ready after %g s; starting all the same", self._acquisition.wait_for_daemon_s
            )

    def _settle(self, handover: Handover) -> None:
        """Wait for a daemon that takes the account of the last run: one may just be starting again."""
        handover.end("aborted")  # nothing, unless an error came before the end of the run
        deadline_ns = self._clock.monotonic_ns() + int(SETTLE_WITHIN_S * NS_PER_S)
        while not handover.is_settled and not self._must_stop() and self._clock.monotonic_ns() < deadline_ns:
            self._is_over.wait(LOOK_EVERY_S)
        if not handover.close(SETTLE_AT_ONCE_S):
            logger.warning("no daemon took the account of the last run")

    def _plan(self, rig: Rig, events: "useq.MDASequence | None", hands: Hands) -> Agenda | LivePace | None:
        """Return what requests may change of the acquisition that is about to begin; None: nothing."""
        acquisition = self._acquisition
        match acquisition.mode:
            case "live":
                return LivePace(None if acquisition.rate_hz is None else 1.0 / acquisition.rate_hz)
            case "adaptive":
                self._agenda = make_agenda(
                    acquisition,
                    events,
                    rig.core,
                    clock=self._clock,
                    meanwhile=hands.gatekeeper.serve,
                    detour=hands.detour,
                    on_overdue=hands.desk.note_overdue,
                )
                return self._agenda
            case "sequence":
                return None

    def _acquire(
        self, rig: Rig, handover: Handover, events: "useq.MDASequence | None", course: Agenda | LivePace | None
    ) -> RunReport | None:
        if self._is_ended or handover.is_stop_requested:
            return None
        acquisition = self._acquisition
        match course:
            case LivePace():
                handover.begin(None, acquisition.frames)
                report = rig.engine.live(
                    handover.take, exposure_ms=acquisition.exposure_ms, frames=acquisition.frames, pace=course
                )
            case Agenda():
                handover.begin(None, None)
                report = rig.engine.run(course, handover.take)
            case None:
                assert events is not None
                handover.begin(events, None)
                report = rig.engine.run(events, handover.take)
        handover.end(report.reason if report.error is None else f"failed: {report.error}")
        _say(report)
        return report

    @property
    def _is_ended(self) -> bool:
        return self._must_stop() or self._is_unwanted.is_set()

    def _abort(self) -> None:
        """End the acquisition, also one that has not begun; from any thread."""
        self._is_unwanted.set()
        if self._agenda is not None:
            self._agenda.stop()
        if self._rig is not None:
            self._rig.engine.abort()

    def _watch(self) -> None:
        while not self._is_over.wait(BEAT_EVERY_S):
            self._beat()
            self._watch_for_stall()
            rig, handover = self._rig, self._handover
            if rig is not None and handover is not None and (self._is_ended or handover.is_stop_requested):
                self._abort()

    def _watch_for_stall(self) -> None:
        last_ns = None if self._handover is None else self._handover.last_image_ns
        acquisition = self._acquisition
        if last_ns is None or acquisition.mode != "live":
            return
        pace_s = 0.0 if acquisition.rate_hz is None else 1.0 / acquisition.rate_hz
        limit_s = acquisition.stall_timeout_s + 2 * pace_s + acquisition.exposure_ms / 1000
        if self._clock.monotonic_ns() - last_ns > limit_s * NS_PER_S:
            logger.error("no image for %.1f s: the camera or its driver hangs; the scope is started again", limit_s)
            self._on_stall()


def _say(report: RunReport) -> None:
    if report.complaint is not None:
        logger.error("images may not have been taken as they were meant to: %s", report.complaint)
    if report.error is not None:
        logger.error("acquisition failed after %d images: %s", report.received, report.error)
    else:
        logger.info("acquisition %s: %d images, %d missed by the camera", report.reason, report.received, report.missed)
