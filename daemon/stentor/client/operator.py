"""Operator: what a person at the command line asks of the microscope."""

from stentor.control.admission import OPERATOR
from stentor.core.action import Arm, Describe, Disarm, Receipt
from stentor.core.microscope import Microscope
from stentor.wire.platforms import system_clock
from stentor.wire.request import ScopeLink


def describe(rig: str) -> dict[str, bool | str]:
    """Return how a rig's guard stands; raises PublishError when no microscope answers.

    Returns
    -------
    dict
        "armed", "dry_run"; "paused", unless it runs a fixed sequence; "held_up_by": who is silent, if anybody is.
    """
    link = ScopeLink(rig)
    try:
        said = Microscope(link.ask, system_clock(), controller=OPERATOR).do(Describe(), timeout_s=1.0).read_back
        return {name: str(value) if name == "held_up_by" else bool(value) for name, value in said.items()}
    finally:
        link.close()


def switch(rig: str, *, is_armed: bool) -> Receipt:
    """Arm or disarm a rig's microscope; raises PublishError when none answers."""
    link = ScopeLink(rig)
    try:
        microscope = Microscope(link.ask, system_clock(), controller=OPERATOR)
        return microscope.do(Arm() if is_armed else Disarm(), timeout_s=3.0)
    finally:
        link.close()
