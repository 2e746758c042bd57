"""Daemon: ingest, pipeline, publishing and ledger of one rig, put together and kept an eye on."""

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from stentor.core.awaited import Awaited
from stentor.core.clock import Clock
from stentor.core.mailbox import Mailbox, Policy
from stentor.core.outcome import Failed
from stentor.core.stage import FrameSpec
from stentor.ingest.arrival import Arrived
from stentor.ingest.ingest import Ingest
from stentor.ingest.pool import FramePool
from stentor.pipeline.runner import Runner
from stentor.publish.hub import Hub
from stentor.record.ledger import Ledger
from stentor.service.agreement import build_agreed_plan
from stentor.service.analysis_loop import AnalysisLoop
from stentor.service.gauges import Gauges
from stentor.service.life_sign import LifeSign
from stentor.service.pulse import IDLE, Pulse
from stentor.service.session import Session
from stentor.service.thread_watch import ThreadWatch
from stentor.wire import command, platforms, rendezvous, ring, sockets

logger = logging.getLogger(__name__)

ANSWERS_KEPT: Final = 256
TEND_EVERY_S: Final = 0.02


class Daemon:
    """Built and used by the main thread of the daemon process: `start`, `tend` every few milliseconds, `stop`.

    The process holds the rig's lock before it builds one.

    Raises
    ------
    ConfigError, ModelError, PublishError, RecordError
        From construction, when something cannot be had; nothing is left behind then.
    """

    def __init__(self, session: Session, pulse: Pulse, clock: Clock) -> None:
        self._settings = settings = session.settings()
        self._session = session
        self._pulse = pulse
        self._clock = clock
        self._started_ns = clock.monotonic_ns()
        self._answers: OrderedDict[str, command.Answer] = OrderedDict()
        self._is_stopping = False
        self.is_asked_to_stop = False
        ring.sweep()
        with ExitStack() as on_refusal:
            # With the controllers held against it here, because the microscope is opened only once a daemon is there.
            self._plan = build_agreed_plan(settings, without=session.quarantined())
            self._runner = Runner(self._plan, clock, on_stage=pulse.enter_stage)
            on_refusal.callback(self._runner.close)
            self._ledger = Ledger(session.ledger, clock)
            on_refusal.callback(self._ledger.stop)
            self._sockets = sockets.Sockets()
            on_refusal.callback(self._sockets.close)
            self._token = rendezvous.new_token()
            self._pool = FramePool()
            mailbox: Mailbox[Arrived] = Mailbox(Policy.LATEST)
            self._awaited = Awaited(clock)
            self._gauges = Gauges(clock)
            self._hub = Hub(
                self._sockets,
                settings.publish,
                clock,
                token=self._token,
                epoch=self._token[:12],
                folder=session.folder,
                on_command=self._obey,
                on_await=lambda awaited: self._awaited.expect(awaited.axes, awaited.for_s),
            )
            self._loop = AnalysisLoop(self._runner, mailbox, self._hub, self._ledger, self._pool, self._gauges, clock)
            channels = settings.gather.channels or settings.source.channels
            self._ingest = Ingest(
                self._sockets,
                self._ledger,
                mailbox,
                self._pool,
                token=self._token,
                gather=settings.gather,
                wants=lambda header: not channels or header.channel in channels,
                is_awaited=self._awaited.claims,
                on_attach=self._loop.prepare_for,
            )
            self._life_sign = LifeSign(settings.name, clock) if settings.guard.on_silence != "continue" else None
            on_refusal.pop_all()

        ingest, hub = self._ingest, self._hub
        self._threads = ThreadWatch({"front door": lambda: ingest.silent_s, "publisher": lambda: hub.silent_s})

    def start(self) -> bool:
        """Warm the stages for the frames that the settings promise, then open the doors; False: a stage hangs."""
        self._loop.start()
        if self._settings.rig.kind == "simulated":
            simulated = self._settings.rig.simulated
            self._loop.prepare_for(FrameSpec((simulated.height, simulated.width), "uint16", simulated.pixel_size_um))
            while not self._loop.is_prepared.wait(0.05):
                if not self.tend():
                    return False
        self._hub.start()
        self._ingest.start()
        rendezvous.announce(
            rendezvous.Rendezvous(
                name=self._settings.name,
                pid=os.getpid(),
                birth=platforms.process_birth(os.getpid()) or 0,
                started_wall_ns=self._clock.wall_ns(),
                token=self._token,
                endpoints=rendezvous.Endpoints(
                    frames=self._ingest.endpoint,
                    results=self._hub.results_endpoint,
                    broadcast=self._hub.broadcast_endpoint,
                    commands=self._hub.commands_endpoint,
                ),
            )
        )
        self._note("daemon-started", f"process {os.getpid()}")
        for stage in sorted(self._session.quarantined()):
            self._note("quarantined", f"the plan runs without stage {stage}")
        return True

    def tend(self) -> bool:
        """Beat the pulse, welcome frames when all is ready; False: a stage or thread hangs, this process must end."""
        self._pulse.beat()
        if not self._ingest.is_ready.is_set() and self._loop.is_prepared.is_set() and self._are_consumers_here():
            self._session.leave_models(self._runner.models)
            self._ingest.welcome()
            logger.info("ready for frames")
        if (hung := self._threads.hung()) is not None:
            logger.error("the daemon's %s stands still; the daemon ends itself and is started again", hung)
            self._leave("thread-hung", f"the {hung} stood still")
            return False
        analysis = self._settings.analysis
        limit_s = analysis.hang_timeout_s if self._loop.current is not None else analysis.prepare_timeout_s
        stage = self._pulse.stage
        stage_s = 0.0 if stage == IDLE else self._pulse.stage_s
        if self._life_sign is not None and self._ingest.is_ready.is_set():
            self._life_sign.give(busy_s=stage_s)
        if stage_s <= limit_s:
            return True
        self._give_up_on(self._plan[stage].name, limit_s)
        return False

    def stop(self) -> None:
        """Close in order: no new frames, finish those inside, publish, write the ledger; may be called twice.

        Raises
        ------
        RecordError
            If the ledger could not be completed; all else is closed.
        """
        if self._is_stopping:
            return
        self._is_stopping = True
        rendezvous.withdraw(self._settings.name, os.getpid())
        self._ingest.stop()
        self._loop.stop()
        self._note("daemon-stopped", f"process {os.getpid()}")
        self._hub.stop()
        try:
            self._ledger.stop()
        finally:
            if self._life_sign is not None:
                self._life_sign.close(is_goodbye=self.is_asked_to_stop)
            self._sockets.close()

    def _give_up_on(self, stage: str, limit_s: float) -> None:
        reason = f"ran over {limit_s:g} s"
        logger.error("stage %s %s; the daemon ends itself and is started again", stage, reason)
        frame_id = self._loop.current
        if frame_id is not None:
            self._ledger.close(frame_id, Failed(stage, reason))
        self._leave("stage-hung", f"{stage} {reason}")

    def _leave(self, kind: str, text: str) -> None:
        self._note(kind, text)
        self._ledger.flush()
        rendezvous.withdraw(self._settings.name, os.getpid())

    def _are_consumers_here(self) -> bool:
        publish = self._settings.publish
        waited_s = (self._clock.monotonic_ns() - self._started_ns) / 1e9
        return waited_s > publish.wait_for_s or self._hub.consumer_names.issuperset(publish.wait_for)

    def _note(self, kind: str, text: str) -> None:
        self._ledger.note_event(kind, text)
        self._hub.announce(kind, text)

    # --- commands, in the hub's thread ----------------------------------------------------------------------------

    def _obey(self, asked: command.Command) -> command.Answer:
        if asked.id in self._answers:
            return self._answers[asked.id]
        text = self._carry_out(asked.verb)
        if asked.verb != "status":
            logger.info("command %s: %s", asked.verb, text)
        answer = command.Answer(id=asked.id, is_done=True, text=text, status=self.status())
        self._answers[asked.id] = answer
        while len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)
        return answer

    def _carry_out(self, verb: str) -> str:
        match verb:
            case "pause":
                self._ingest.is_paused.set()
                return "analysis paused; frames are counted as dropped(paused), a lossless replay waits"
            case "resume":
                self._ingest.is_paused.clear()
                return "analysis resumed"
            case "stop" if self._settings.rig.kind == "tap":  # a tap only watches: its host's acquisition is not ours
                self.is_asked_to_stop = True
                return "the daemon ends; the program with the tap goes on"
            case "stop":
                return f"asked {self._ingest.stop_acquisitions()} producers to end their acquisition"
            case "stop-daemon":
                self.is_asked_to_stop = True
                return "the daemon ends; the acquisition goes on"
            case _:
                return "status"

    def status(self) -> command.Status:
        """Return the daemon at this moment."""
        faults = [fault for fault in (self._ledger.fault, self._hub.fault, self._loop.fault) if fault is not None]
        health = self._ingest.health
        return command.Status(
            name=self._settings.name,
            pid=os.getpid(),
            state=self._state(),
            uptime_s=round((self._clock.monotonic_ns() - self._started_ns) / 1e9, 1),
            outcomes=self._ledger.counts(),
            rate_hz=self._gauges.rate_hz(),
            latency_ms=self._gauges.latency_ms(),
            stage_ms=self._gauges.stage_ms(),
            models=self._runner.models,
            consumers=self._hub.consumers(),
            quarantined=tuple(sorted(self._session.quarantined())),
            producers=self._ingest.producers,
            faults=tuple(faults),
            counters={
                "ignored_messages": health.ignored_messages + self._hub.ignored_messages,
                "duplicate_frames": health.duplicate_frames,
                "attachments": health.attached,
            },
            ledger_file=str(self._session.ledger),
        )

    def _state(self) -> Any:
        if self._is_stopping:
            return "stopping"
        if self._ingest.is_paused.is_set():
            return "paused"
        if not self._loop.is_prepared.is_set():
            return "starting"
        return "running" if self._gauges.rate_hz() is not None else "waiting"


def serve(session: Session, pulse: Pulse, clock: Clock, *, must_stop: Callable[[], bool]) -> bool:
    """Run a daemon until `must_stop()`; False: a stage hung and the process must be ended the hard way.

    Raises
    ------
    ConfigError
        If the rig has a daemon already.
    ModelError, PublishError, RecordError
        As the daemon's construction does.
    """
    lock = rendezvous.RigLock(session.settings().name)
    try:
        daemon = Daemon(session, pulse, clock)
        try:
            is_well = daemon.start()
            while is_well and not must_stop() and not daemon.is_asked_to_stop:
                is_well = daemon.tend()
                time.sleep(TEND_EVERY_S)
        except BaseException:
            daemon.stop()
            raise
        if is_well:
            daemon.stop()
        return is_well
    finally:
        lock.release()
