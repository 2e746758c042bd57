"""Inventory: what an action names is held against what the microscope has."""

from stentor.core.action import Acquire, SetChannel
from stentor.service.inventory import Inventory

FLUO = Inventory(presets={"Fluo": ("GFP", "DAPI")}, channel_group="Fluo", properties={}, slm="")


def test_a_channel_without_a_group_is_one_of_the_channel_group_whatever_its_name() -> None:
    named = Acquire(events=({"channel": "GFP"}, {"channel": {"config": "DAPI"}}))

    assert list(FLUO.missing(named)) == []
    assert list(FLUO.missing(SetChannel(preset="GFP"))) == []


def test_a_preset_that_is_not_there_is_said_with_the_nearest() -> None:
    (fault,) = FLUO.missing(Acquire(events=({"channel": "GPF"},)))

    assert fault.startswith("no preset 'GPF' in group 'Fluo'; did you mean GFP?")
