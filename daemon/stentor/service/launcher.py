"""Launcher: starts the daemon and the scope, watches both, starts what dies again, and ends them in order.

A rig whose frames come from a tap has no scope: the daemon alone is watched, until Ctrl-C or `stentor stop`.

Holds no model, no core and no plugin, so that nothing of theirs can take it along.
"""

import logging
import signal
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Final

from stentor.service.children import Child
from stentor.service.controllers import controller_names
from stentor.service.exit_code import ExitCode
from stentor.service.pulse import IDLE
from stentor.service.session import Session
from stentor.wire import rendezvous, request, ring

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.05
END_SCOPE_WITHIN_S: Final = 2.5
END_DAEMON_WITHIN_S: Final = 2.0
END_CONTROLLER_WITHIN_S: Final = 1.0
RESTARTS: Final = 5
"""How often a controller may die before the microscope goes on without it."""

FINAL: Final = frozenset(
    {ExitCode.USAGE, ExitCode.CONFIG, ExitCode.SOURCE, ExitCode.MODEL, ExitCode.PUBLISH, ExitCode.RECORD}
)
"""Exit codes that another start would not mend, when they come before the first frame."""


class Launcher:
    """Used once, by the main thread: `run`.

    Parameters
    ----------
    frames
        Live images to take in all, across restarts of the scope; None: as the settings say.

    Attributes
    ----------
    on_look
        Called at every look, for a terminal view; set before `run`.
    news
        What happened to the children, in sentences.
    """

    def __init__(
        self,
        session: Session,
        *,
        frames: int | None,
        logs_to_stderr: bool,
    ) -> None:
        self._session = session
        self._settings = session.settings()
        self._frames = frames
        self.on_look: Callable[[], None] = lambda: None
        self._daemon = Child("daemon", session, logs_to_stderr=logs_to_stderr)
        self._scope = Child("scope", session, logs_to_stderr=logs_to_stderr)
        self._controllers = {
            name: Child(f"controller-{name}", session, logs_to_stderr=logs_to_stderr, module="controller")
            for name in controller_names(self._settings.controller)
        }
        self._stage_names = [str(table.get("name", table.get("stage"))) for table in self._settings.plan]
        self._blame: Counter[str] = Counter()
        self._signals = 0
        self.news: list[str] = []

    def run(self) -> ExitCode:
        """Run to the end and return the code to exit with."""
        ring.sweep()
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = self._watch()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._daemon.exit_code == ExitCode.RECORD and code is ExitCode.DONE:
            self._say(self._daemon.take_fault() or "the ledger could not be completed; the daemon's log says why")
            code = ExitCode.RECORD
        return ExitCode.FORCED if self._signals > 1 else code

    def _watch(self) -> ExitCode:
        self._daemon.start()
        while not self._signals:
            self.on_look()
            code = self._tend_daemon()
            if code is None:  # not `or`: DONE is 0
                code = self._tend_scope()
            if code is None:
                code = self._tend_controllers()
            if code is not None:
                return code
            time.sleep(LOOK_EVERY_S)
        return ExitCode.DONE

    def _tend_daemon(self) -> ExitCode | None:
        if self._daemon.is_silent:
            self._say("the daemon says nothing any more; it is killed and started again")
            self._daemon.kill()
        if self._daemon.is_running:
            return None
        if self._daemon.exit_code == ExitCode.DONE:  # asked to, by `stentor stop --daemon`
            return self._without_daemon()
        if self._daemon.may_start:
            code = self._post_mortem(self._daemon)
            if code is not None and not self._is_acquiring:
                return code
            self._blame_stage()
            self._daemon.start()
        return None

    def _without_daemon(self) -> ExitCode | None:
        """The daemon was asked to end: the acquisition goes on without it, and its end is ours."""
        if self._scope.starts == 0 or not self._scope.is_running:
            return ExitCode.DONE
        return None

    def _tend_scope(self) -> ExitCode | None:
        if self._settings.rig.kind == "tap":  # the microscope is another program's
            return None
        if self._scope.starts == 0:
            if self._daemon.is_running and self._is_daemon_announced():
                self._start_scope()
            return None
        if self._scope.is_silent:
            self._say("the scope says nothing any more; it is killed and started again")
            self._scope.kill()
        if self._scope.is_running:
            return None
        if self._scope.exit_code == ExitCode.DONE:
            return ExitCode.DONE
        if self._scope.may_start:
            code = self._post_mortem(self._scope)
            # A microscope may come back, a recording does not.
            if code is not None and not self._is_acquiring:
                return code
            if self._frames is not None and self._frames_left() < 1:
                return ExitCode.DONE
            self._start_scope()
        return None

    def _tend_controllers(self) -> ExitCode | None:
        """Start the controllers once there is a microscope, and again when one dies, but not for ever.

        One whose settings are wrong ends the run before the first image, and no acquisition that is under way.
        """
        for name, child in self._controllers.items():
            if child.is_silent:
                self._say(f"{child.name} hangs; it is killed and started again")
                child.kill()
            if child.is_running or self._scope.starts == 0 or child.starts > RESTARTS or not child.may_start:
                continue
            if child.starts == RESTARTS:
                self._say(f"{child.name} died {RESTARTS} times; the microscope goes on without it")
                child.starts += 1
            else:
                code = self._post_mortem(child) if child.starts else None
                if code is ExitCode.CONFIG and not self._is_acquiring:
                    return code
                child.start(name)
        return None

    @property
    def _is_acquiring(self) -> bool:
        """Whether images were taken that will not come again: then nothing on the analysis side may end the run."""
        return self._scope.pulse.frames > 0 and self._settings.rig.kind != "replay"

    def _start_scope(self) -> None:
        self._scope.start(*(() if self._frames is None else (str(self._frames_left()),)))

    def _frames_left(self) -> int:
        assert self._frames is not None
        return self._frames - self._scope.pulse.frames

    def _is_daemon_announced(self) -> bool:
        found = rendezvous.find(self._settings.name)
        return found is not None and found.pid == self._daemon.pid

    def _post_mortem(self, child: Child) -> ExitCode | None:
        """Say why a child died; returns the code to give up with, None: start it again."""
        fault, code = child.take_fault(), child.exit_code
        if fault is not None and code in FINAL:  # its own words, not the exit code of somebody's plugin
            self._say(fault)
            return ExitCode(code)
        self._say(f"{child.name} died with code {code}{'' if fault is None else f' ({fault})'}; it is started again")
        return None

    def _blame_stage(self) -> None:
        """Remember which stage ran when the daemon died, and run without it when it has done so too often."""
        index = self._daemon.pulse.stage
        if index == IDLE:
            return
        left = [name for name in self._stage_names if name not in self._session.quarantined()]
        if index >= len(left):
            return
        stage = left[index]
        self._blame[stage] += 1
        if self._blame[stage] >= self._settings.analysis.quarantine_after:
            self._session.quarantine(stage)
            self._say(f"stage {stage} took the daemon down {self._blame[stage]} times; the plan runs without it")

    def _end(self) -> None:
        """End the scope, then the daemon; a second signal, or a child that takes too long, is the hard way."""
        for controller in self._controllers.values():
            controller.ask_to_end()
        children = [(self._scope, END_SCOPE_WITHIN_S), (self._daemon, END_DAEMON_WITHIN_S)]
        children += [(controller, END_CONTROLLER_WITHIN_S) for controller in self._controllers.values()]
        for child, limit_s in children:
            child.ask_to_end()
            deadline = time.monotonic() + limit_s
            while child.is_running and time.monotonic() < deadline and self._signals < 2:
                self.on_look()
                time.sleep(0.01)
            if child.is_running:
                self._say(f"{child.name} did not end within {limit_s:g} s; killed")
            child.kill()
            child.close()
        if self._daemon.pid is not None:
            rendezvous.withdraw(self._settings.name, self._daemon.pid)
        if self._scope.pid is not None:
            rendezvous.withdraw(request.scope_name(self._settings.name), self._scope.pid)
        rendezvous.sweep_lock(self._settings.name)
        ring.sweep()

    def _say(self, text: str) -> None:
        logger.warning("%s", text)
        self.news.append(text)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
