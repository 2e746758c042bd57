"""Axes: moves take time, reversals lose way, arrivals vibrate."""

from hypothesis import given
from hypothesis import strategies as st

from stentor.scope.simulated.axis import Axis

SECOND = 1_000_000_000


def axis(*, backlash_um: float = 0.0, settle_s: float = 0.0) -> Axis:
    return Axis(speed_um_per_s=100.0, backlash_um=backlash_um, settle_s=settle_s, now_ns=0)


def test_a_move_takes_its_way_over_its_speed() -> None:
    stage = axis()

    stage.move_to(50.0, 0)

    assert stage.is_busy(SECOND // 4)
    assert stage.reported_um(SECOND // 4) == 25.0
    assert not stage.is_busy(SECOND // 2)
    assert stage.reported_um(SECOND) == 50.0


def test_a_reversal_loses_the_backlash_while_the_read_back_does_not_show_it() -> None:
    stage = axis(backlash_um=2.0)

    stage.move_to(50.0, 0)
    from_below = stage.true_um(2 * SECOND)
    stage.move_to(100.0, 2 * SECOND)
    stage.move_to(50.0, 4 * SECOND)
    from_above = stage.true_um(6 * SECOND)

    assert stage.reported_um(6 * SECOND) == 50.0
    assert from_above - from_below == 2.0


def test_a_step_smaller_than_the_gap_does_not_move_the_slide_after_a_reversal() -> None:
    stage = axis(backlash_um=2.0)
    stage.move_to(50.0, 0)
    before = stage.true_um(SECOND)

    stage.move_to(48.5, SECOND)

    assert stage.true_um(2 * SECOND) == before


def test_an_axis_is_busy_and_vibrates_until_it_has_settled() -> None:
    stage = axis(settle_s=0.1)
    stage.move_to(50.0, 0)
    arrived = SECOND // 2

    assert stage.is_busy(arrived + SECOND // 20)
    assert stage.true_um(arrived) != 50.0
    assert not stage.is_busy(arrived + SECOND // 10)
    assert stage.true_um(arrived + SECOND // 10) == 50.0


def test_a_new_command_in_mid_move_starts_from_where_the_axis_is() -> None:
    stage = axis()
    stage.move_to(100.0, 0)

    stage.move_to(0.0, SECOND // 2)

    assert stage.reported_um(SECOND // 2) == 50.0
    assert stage.reported_um(SECOND) == 0.0


def test_a_time_before_the_newest_command_is_answered_by_the_older_move() -> None:
    stage = axis()
    stage.move_to(100.0, 0)
    stage.move_to(0.0, SECOND)

    assert stage.reported_um(SECOND // 2) == 50.0


def test_stop_stays_where_the_motor_is() -> None:
    stage = axis()
    stage.move_to(100.0, 0)

    stage.stop(SECOND // 4)

    assert not stage.is_busy(SECOND // 4)
    assert stage.reported_um(SECOND) == 25.0


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.floats(0, 5))
def test_the_slide_is_never_further_from_the_motor_than_half_the_gap(targets: list[float], gap_um: float) -> None:
    stage = axis(backlash_um=gap_um)
    for n, target in enumerate(targets):
        now = n * SECOND
        stage.move_to(target, now)

        for at in (now, now + SECOND // 3, now + SECOND - 1):
            assert abs(stage.true_um(at) - stage.reported_um(at)) <= gap_um / 2 + 1e-9
