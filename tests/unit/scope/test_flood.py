"""Flood: no refusal is forgotten uncounted, whoever asks under however many names."""

from stentor.core.action import Cause, Receipt, Request, Skip
from stentor.core.clock import FakeClock
from stentor.scope.hands.flood import KINDS, Flood


def refused(id: str, who: str) -> tuple[Request, Receipt]:
    request = Request(id=id, action=Skip(), cause=Cause(controller=who), issued_ns=0, clock_id="fake")
    return request, Receipt(id=id, verdict="refused", rule="armed", received_ns=0, clock_id="fake")


def test_what_is_forgotten_for_others_is_told_first() -> None:
    flood = Flood(FakeClock())
    firsts = [flood.is_first(*refused(str(number), "first")) for number in range(4)]

    for number in range(KINDS):
        assert flood.is_first(*refused("once", f"name {number}"))

    assert firsts == [True, False, False, False]
    assert [(row.request.id, row.left_out) for row in flood.due()] == [("3", 2)]
    assert flood.due() == flood.rest() == []


def test_memory_is_bounded_under_any_number_of_names() -> None:
    flood = Flood(FakeClock())

    for number in range(10 * KINDS):
        for id in ("first", "again"):
            flood.is_first(*refused(id, f"name {number}"))
        flood.due()

    assert len(flood._told_ns) == len(flood.rest()) == KINDS
