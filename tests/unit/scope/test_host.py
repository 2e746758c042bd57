"""Host: who asks for the end gets it, whenever it is."""

from typing import Any

from stentor.control.settings import GuardSettings
from stentor.core.clock import FakeClock
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.host import ScopeHost
from stentor.scope.settings import RigSettings


class Unwelcome:
    """A handover whose daemon never comes."""

    is_welcome = False
    is_stop_requested = False


def test_an_acquisition_that_is_aborted_before_it_begins_does_not_begin() -> None:
    host = ScopeHost(
        RigSettings(), AcquisitionSettings(mode="adaptive"), GuardSettings(), journal=None,
        log=lambda request, receipt: None,
        rig_name="rig", stream="camera", ring_slots=2, clock=FakeClock(), beat=lambda: None, on_frame=lambda: None,
        on_stall=lambda: None, must_stop=lambda: False,
    )  # fmt: skip
    handover: Any = Unwelcome()
    nothing: Any = None

    host._abort()
    host._wait_for_daemon(handover)  # on a clock that stands still it would wait for ever

    assert host._acquire(nothing, handover, None, nothing) is None
