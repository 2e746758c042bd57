"""Daemon process: `python -m stentor.service.daemon_process SESSION to-stderr|to-file`, started by the launcher."""

import sys

from stentor.service.child import StopFlag, leave_now, run_child
from stentor.service.daemon import serve
from stentor.service.exit_code import ExitCode
from stentor.service.pulse import Pulse
from stentor.service.session import Session
from stentor.wire.platforms import system_clock, yield_to_others

SWITCH_INTERVAL_S = 0.0005
"""A busy Python thread delays the others by the interpreter's switch interval: 3-7 ms a frame at the default 5 ms."""


def body(session: Session, pulse: Pulse, stop: StopFlag) -> ExitCode:
    """Serve until told to stop."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # Analysis may use every core; the microscope's process must get one at once when an image is there.
    yield_to_others()
    if not serve(session, pulse, system_clock(), must_stop=stop):
        leave_now(ExitCode.HUNG)
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(run_child("daemon", body))
