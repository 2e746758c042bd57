"""Operator: what a person at the command line asks of the microscope."""

from stentor.control.admission import OPERATOR
from stentor.core.action import Arm, Disarm, Receipt
from stentor.core.microscope import Microscope
from stentor.wire.platforms import system_clock
from stentor.wire.request import ScopeLink


def switch(rig: str, *, is_armed: bool) -> Receipt:
    """Arm or disarm a rig's microscope; raises PublishError when none answers."""
    link = ScopeLink(rig)
    try:
        microscope = Microscope(link.ask, system_clock(), controller=OPERATOR)
        return microscope.do(Arm() if is_armed else Disarm(), timeout_s=3.0)
    finally:
        link.close()
