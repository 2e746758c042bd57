"""Host: who asks for the end gets it, whenever it is."""

from typing import Any

import pytest

from stentor.control.settings import GuardSettings
from stentor.core.clock import FakeClock
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.host import ScopeHost
from stentor.scope.settings import RigSettings


class Unwelcome:
    """A handover whose daemon never comes."""

    is_welcome = False
    is_stop_requested = False


def host_of(clock: FakeClock, **acquisition: Any) -> ScopeHost:
    return ScopeHost(
        RigSettings(), AcquisitionSettings(mode="adaptive", **acquisition), GuardSettings(), journal=None,
        log=lambda request, receipt, left_out=None: None,
        rig_name="rig", stream="camera", ring_slots=2, clock=clock, beat=lambda: None, on_frame=lambda: None,
        on_stall=lambda: None, must_stop=lambda: False,
    )  # fmt: skip


def test_requests_act_while_the_daemon_is_waited_for() -> None:
    clock, served = FakeClock(), []

    def serve(timeout_s: float) -> None:
        served.append(timeout_s)
        clock.advance(ms=1000 * timeout_s)

    host_of(clock, wait_for_daemon_s=1.0)._wait_for_daemon(Unwelcome(), serve)  # type: ignore[arg-type]

    assert sum(served) == pytest.approx(1.0, abs=0.05)


def test_an_acquisition_that_is_aborted_before_it_begins_does_not_begin() -> None:
    host = host_of(FakeClock())
    handover: Any = Unwelcome()
    nothing: Any = None

    host._abort()
    host._wait_for_daemon(handover, lambda timeout_s: None)  # on a clock that stands still it would wait for ever

    assert host._acquire(nothing, handover, None, nothing) is None
