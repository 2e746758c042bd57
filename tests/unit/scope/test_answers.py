"""Answers: what is asked again while it is under way is answered as well, as often as can be remembered."""

from stentor.core.action import Cause, Pause, Receipt, Request
from stentor.scope.hands.answers import REPLIES, Answers

ONCE = Request(id="once", action=Pause(), cause=Cause(controller="follow"), issued_ns=0, clock_id="fake")


def test_who_asks_without_end_while_it_is_under_way_takes_no_memory_without_end() -> None:
    answers, told = Answers(), list[Receipt]()
    answers.open(ONCE, told.append)

    are_known = [answers.repeats(ONCE, told.append) for _ in range(1000)]
    replies = answers.close(ONCE, Receipt(id="once", verdict="done", received_ns=0, clock_id="fake"))

    assert all(are_known)
    assert len(replies) == REPLIES
