"""Admission: armed, fresh, not too many, and its asker alive."""

import pytest

from stentor.control.admission import ASKERS, OPERATOR, Admission
from stentor.control.settings import GuardSettings
from stentor.core.action import Abort, Action, Alive, Arm, Cause, Disarm, MoveZ, Pause, Request, Resume, Skip
from stentor.core.clock import FakeClock
from stentor.core.frame import FrameId

FRAME = FrameId("camera", "ab" * 16, 7)


def request(action: Action, *, who: str = "follow", seen_ns: int | None = None, **more: float) -> Request:
    cause = Cause(controller=who, frame_id=None if seen_ns is None else FRAME, seen_ns=seen_ns, clock_id="fake")
    return Request(id="1", action=action, cause=cause, issued_ns=0, clock_id="fake", **more)  # type: ignore[arg-type]


MOVE = MoveZ(z_um=1.0)


def test_nothing_moves_before_an_operator_arms() -> None:
    admission = Admission(GuardSettings(), FakeClock())

    before = admission.judge(request(MOVE))
    by_itself = admission.judge(request(Arm()))
    by_operator = admission.judge(request(Arm(), who=OPERATOR))

    assert before is not None and before.rule == "armed" and "stentor arm" in before.text
    assert by_itself is not None and "may not arm" in by_itself.text
    assert by_operator is None
    assert admission.judge(request(MOVE)) is None


@pytest.mark.parametrize("action", [Pause(), Abort(), Disarm(), Alive(), Skip()])
def test_what_makes_things_quieter_needs_no_arming(action: Action) -> None:
    assert Admission(GuardSettings(), FakeClock()).judge(request(action)) is None


def test_disarming_holds_at_once() -> None:
    admission = Admission(GuardSettings(armed=True), FakeClock())

    admission.judge(request(Disarm()))

    assert admission.judge(request(MOVE)) is not None


def test_a_flood_is_refused_and_quieter_requests_still_pass() -> None:
    clock = FakeClock()
    admission = Admission(GuardSettings(armed=True, actions_per_s=10), clock)

    verdicts = []
    for _ in range(1000):
        verdicts.append(admission.judge(request(MOVE)))
        clock.advance(ms=1.0)

    assert sum(verdict is None for verdict in verdicts) == 10
    assert {verdict.rule for verdict in verdicts if verdict is not None} == {"actions_per_s"}
    assert admission.judge(request(Abort())) is None
    clock.advance(ms=1000.0)
    assert admission.judge(request(MOVE)) is None


def test_a_request_on_an_old_frame_is_refused() -> None:
    clock = FakeClock(monotonic_ns=10**9)
    admission = Admission(GuardSettings(armed=True, max_age_ms=200.0), clock)

    fresh = admission.judge(request(MOVE, seen_ns=10**9 - 200_000_000))
    old = admission.judge(request(MOVE, seen_ns=10**9 - 201_000_000))
    older_than_wished = admission.judge(request(MOVE, seen_ns=10**9 - 60_000_000, max_age_ms=50.0))
    from_the_future = admission.judge(request(MOVE, seen_ns=2 * 10**9))

    assert fresh is None
    assert old is not None and old.rule == "max_age_ms" and "201 ms old; at most 200 ms" in old.text
    assert older_than_wished is not None
    assert from_the_future is not None


def test_a_frame_of_another_clock_counts_as_too_old() -> None:
    admission = Admission(GuardSettings(armed=True), FakeClock(clock_id="another"))

    refusal = admission.judge(request(MOVE, seen_ns=0))

    assert refusal is not None and "not known here" in refusal.text


def test_who_showed_life_once_and_falls_silent_is_named_once() -> None:
    clock = FakeClock()
    admission = Admission(GuardSettings(silence_s=1.0), clock)
    admission.judge(request(Alive(), who="follow"))
    admission.judge(request(MOVE, who="never promised anything"))

    clock.advance(ms=900.0)
    admission.judge(request(MOVE, who="follow"))
    clock.advance(ms=900.0)
    still_there = admission.silent()
    clock.advance(ms=200.0)

    assert still_there == ()
    assert admission.silent() == ("follow",)
    assert admission.silent() == ()


def test_who_says_goodbye_may_be_silent() -> None:
    clock = FakeClock()
    admission = Admission(GuardSettings(silence_s=1.0), clock)
    admission.judge(request(Alive()))
    admission.judge(request(Alive(is_last=True)))

    clock.advance(ms=5000.0)

    assert admission.silent() == ()


def test_signs_of_life_under_ever_new_names_are_watched_up_to_a_number() -> None:
    clock = FakeClock()
    admission = Admission(GuardSettings(), clock)

    answers = [admission.judge(request(Alive(), who=f"controller {n}")) for n in range(ASKERS + 1)]

    assert answers[:-1] == [None] * ASKERS
    assert answers[-1] is not None and answers[-1].rule == "silence_s"
    clock.advance(ms=10_000)
    assert len(admission.silent()) == ASKERS


def test_disarmed_only_an_operator_lets_an_acquisition_go_on() -> None:
    admission = Admission(GuardSettings(), FakeClock())

    of_rule, of_operator = admission.judge(request(Resume())), admission.judge(request(Resume(), who=OPERATOR))

    assert of_rule is not None and of_rule.rule == "armed"
    assert of_operator is None
