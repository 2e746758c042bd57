"""Scope process: `python -m stentor.service.scope_process SESSION to-stderr|to-file [FRAMES]`, for the launcher."""

import sys

from msgspec import structs

from stentor.scope.acquisition import AcquisitionSettings
from stentor.service.child import StopFlag, leave_now, run_child
from stentor.service.exit_code import ExitCode
from stentor.service.pulse import Pulse
from stentor.service.session import Session
from stentor.service.settings import Settings
from stentor.wire.platforms import system_clock


def body(session: Session, pulse: Pulse, stop: StopFlag) -> ExitCode:
    """Acquire until the end, or until told to stop."""
    settings = session.settings()
    acquisition = settings.acquisition
    if len(sys.argv) > 3:
        acquisition = structs.replace(acquisition, frames=int(sys.argv[3]))
    if settings.rig.kind == "replay":
        _replay(settings, acquisition, pulse, stop)
        return ExitCode.DONE
    from stentor.record.decisions import DecisionLog
    from stentor.scope.host import ScopeHost

    if settings.rig.kind == "simulated":
        _draw_on_one_thread()
    log = DecisionLog(session.decisions, system_clock(), most_mb=settings.record.decisions_mb)
    host = ScopeHost(
        settings.rig,
        acquisition,
        settings.guard,
        journal=session.light_account,
        log=log.write,
        rig_name=settings.name,
        stream=settings.source.stream,
        ring_slots=settings.source.ring_slots,
        clock=system_clock(),
        beat=pulse.beat,
        on_frame=pulse.count_frame,
        on_stall=lambda: leave_now(ExitCode.STALLED),
        must_stop=stop,
    )
    try:
        return ExitCode.DONE if host.run() else ExitCode.SOURCE
    finally:
        log.close()


def _draw_on_one_thread() -> None:
    """Keep OpenCV from waking a second thread for every nucleus: 13 instead of 7 ms of processor for one image."""
    import cv2

    cv2.setNumThreads(1)


def _replay(settings: Settings, acquisition: AcquisitionSettings, pulse: Pulse, stop: StopFlag) -> None:
    from stentor.scope.replay.host import ReplayHost

    ReplayHost(
        settings.rig.replay,
        acquisition,
        rig_name=settings.name,
        stream=settings.source.stream,
        ring_slots=settings.source.ring_slots,
        clock=system_clock(),
        skip=pulse.frames,
        beat=pulse.beat,
        on_frame=pulse.count_frame,
        must_stop=stop,
    ).run()


if __name__ == "__main__":
    sys.exit(run_child("scope", body))
