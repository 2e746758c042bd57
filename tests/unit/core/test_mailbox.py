"""Mailbox: newest wins, nobody starves, everything is handed back to be counted."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from stentor.core.mailbox import Mailbox, Policy


def test_newest_frame_wins_when_the_reader_is_slow() -> None:
    box: Mailbox[int] = Mailbox(Policy.LATEST)

    replaced = [box.put("camera", number) for number in range(3)]

    assert replaced == [[], [0], [1]]
    assert box.take(0) == 2


def test_a_busy_position_does_not_starve_the_others() -> None:
    box: Mailbox[str] = Mailbox(Policy.LATEST)
    box.put("a", "a0")
    box.put("b", "b0")
    for _ in range(10):
        box.put("a", "a-newer")

    assert [box.take(0), box.take(0)] == ["a-newer", "b0"]


def test_a_position_that_is_replaced_often_keeps_its_turn() -> None:
    box: Mailbox[str] = Mailbox(Policy.LATEST)
    box.put("often", "old")
    box.put("rare", "r")
    box.put("often", "new")

    assert box.take(0) == "new"


def test_a_frame_that_must_be_analysed_is_never_superseded() -> None:
    box: Mailbox[str] = Mailbox(Policy.LATEST)
    box.put("camera", "kept", must_keep=True)
    box.put("camera", "old")

    replaced = box.put("camera", "new")

    assert replaced == ["old"]
    assert [box.take(0), box.take(0)] == ["kept", "new"]


def test_block_waits_for_room_and_loses_nothing() -> None:
    box: Mailbox[int] = Mailbox(Policy.BLOCK)
    taken: list[int] = []
    reader = threading.Thread(target=lambda: taken.extend(n for _ in range(5) if (n := box.take(5)) is not None))
    reader.start()

    replaced = [box.put("replay", number, timeout_s=5) for number in range(5)]

    reader.join(5)
    assert taken == [0, 1, 2, 3, 4]
    assert replaced == [[]] * 5


def test_block_hands_the_item_back_when_no_room_comes() -> None:
    box: Mailbox[int] = Mailbox(Policy.BLOCK)
    box.put("replay", 0)

    assert box.put("replay", 1, timeout_s=0.01) == [1]


def test_close_wakes_the_reader_and_returns_what_was_inside() -> None:
    box: Mailbox[int] = Mailbox()
    box.put("camera", 7)

    assert box.close() == [7]
    assert box.take(5) is None
    assert box.put("camera", 8) == [8]


@given(st.lists(st.one_of(st.tuples(st.sampled_from("abc"), st.booleans()), st.none()), max_size=60))
def test_whatever_is_put_is_taken_or_handed_back_exactly_once(steps: list[tuple[str, bool] | None]) -> None:
    box: Mailbox[int] = Mailbox(Policy.LATEST)
    returned: list[int] = []

    for number, step in enumerate(steps):
        if step is None:
            item = box.take(0)
            returned += [] if item is None else [item]
        else:
            key, must_keep = step
            returned += box.put(key, number, must_keep=must_keep)
    returned += box.close()

    assert sorted(returned) == [number for number, step in enumerate(steps) if step is not None]
