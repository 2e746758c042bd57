"""Controller process: `python -m stentor.service.controller_process SESSION to-stderr|to-file NAME`, for the launcher.

One process for each controller: one that hangs, leaks or crashes hurts neither the analysis nor another.
"""

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from stentor.client.microscope import ConnectedMicroscope
from stentor.client.result import Result
from stentor.core.action import Alive
from stentor.core.controller import Controller
from stentor.core.errors import PublishError, StageError
from stentor.pipeline.plugin_call import call_plugin, traceback_of
from stentor.record.evidence import EvidenceLog, evidence_file
from stentor.service.child import StopFlag, run_child
from stentor.service.controllers import build_controller, controller_names
from stentor.service.exit_code import ExitCode
from stentor.service.pulse import Pulse
from stentor.service.session import Session

logger = logging.getLogger(__name__)

ALIVE_EVERY_S: Final = 0.3
SIGN_WITHIN_S: Final = 0.3
"""The scope answers a sign of life at once, or it has ended: a goodbye must not keep the controller from closing."""
WAIT_S: Final = 0.1
SAY_AGAIN_EVERY_S: Final = 60.0


class ControlLoop:
    """Shows results to one controller until told to stop, and gives its signs of life, from one thread: `run`.

    The signs come from the same thread as the decisions, so that a controller that hangs falls silent.

    Parameters
    ----------
    keep
        Given every result that the controller has seen, once it has decided.
    """

    def __init__(
        self,
        name: str,
        controller: Controller,
        microscope: ConnectedMicroscope,
        pulse: Pulse,
        keep: Callable[[Result], None],
    ) -> None:
        self._keep = keep
        self._name = name
        self._controller = controller
        self._microscope = microscope
        self._pulse = pulse
        self._alive_s = float("-inf")
        self._said_s = float("-inf")

    def run(self, must_stop: StopFlag) -> None:
        """Go on until `must_stop()`."""
        while not must_stop():
            self._pulse.beat()
            self._give_sign_of_life()
            result = self._microscope.results(WAIT_S)
            if result is not None and not result.is_late:
                self._show(result)
        self._say_alive(is_last=True)

    def _show(self, result: Result) -> None:
        self._pulse.count_frame()
        try:
            call_plugin(self._name, partial(self._controller.on_result, result, self._microscope))
        except StageError as err:
            self._say(err)
        self._keep(result)  # afterwards: what waits for the decision need not wait for the disk

    def _give_sign_of_life(self) -> None:
        now_s = time.monotonic()
        if now_s - self._alive_s < ALIVE_EVERY_S:
            return
        self._alive_s = now_s
        self._say_alive(is_last=False)

    def _say_alive(self, *, is_last: bool) -> None:
        try:
            self._microscope.do(Alive(is_last=is_last), timeout_s=SIGN_WITHIN_S)
        except PublishError as err:  # the scope is away; it is started again, or its acquisition is over
            logger.debug("%s", err)

    def _say(self, err: StageError) -> None:
        """Name a failing controller once, then every minute."""
        now_s = time.monotonic()
        if now_s - self._said_s >= SAY_AGAIN_EVERY_S:
            self._said_s = now_s
            logger.warning("controller %s could not decide: %s", self._name, err, exc_info=traceback_of(err))


def body(session: Session, pulse: Pulse, stop: StopFlag) -> ExitCode:
    """Run the controller named on the command line until told to stop."""
    settings, name = session.settings(), sys.argv[3]
    index = controller_names(settings.controller).index(name)
    controller = build_controller(index, settings.controller[index])
    options = {"images": controller.images} if controller.images else {}
    evidence = EvidenceLog(evidence_file(session.folder, name), most_mb=settings.record.evidence_mb)
    try:
        with ConnectedMicroscope(settings.name, controller=name, **options) as microscope:
            loop = ControlLoop(name, controller, microscope, pulse, lambda result: evidence.write(result.packed()))
            loop.run(stop)
    finally:
        controller.close()
        evidence.close()
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(run_child(f"controller-{sys.argv[3]}", body))
