"""Cameras: holes and events of two cameras whose images come in any order."""

from typing import Any

from stentor.microscope.cameras import Numbering, Turns

NAMES = ("Left", "Right")


def image(camera: str, number: int | None = None) -> dict[str, Any]:
    return {"Camera": camera, **({} if number is None else {"ImageNumber": str(number)})}


def test_each_camera_has_its_own_numbers() -> None:
    numbering = Numbering()

    order = [("Left", 0), ("Right", 0), ("Left", 1), ("Left", 2), ("Right", 1)]

    assert [numbering.missed_before(image(*one)) for one in order] == [0] * 5


def test_a_hole_belongs_to_the_camera_that_made_it() -> None:
    numbering = Numbering()

    missed = [numbering.missed_before(image(*one)) for one in [("Left", 0), ("Right", 2), ("Left", 4), ("Left", 5)]]

    assert missed == [0, 2, 3, 0]


def test_images_go_to_their_own_events_in_whatever_order_the_cameras_come() -> None:
    turns = Turns(NAMES)
    order = [("Left", 0), ("Right", 0), ("Right", 1), ("Right", 2), ("Left", 1), ("Left", 2)]

    assert [turns.event_of(image(*one)) for one in order] == [0, 0, 1, 2, 1, 2]


def test_snaps_count_on_after_a_sequence() -> None:
    turns = Turns(NAMES)
    for number in range(3):
        turns.event_of(image("Left", number))

    assert turns.event_of({"Camera": "Multi", "CameraChannelIndex": 0}) == 3
    assert turns.event_of({"Camera": "Multi", "CameraChannelIndex": 1}) == 0


def test_a_lost_image_does_not_shift_those_behind_it() -> None:
    turns = Turns(NAMES)

    assert [turns.event_of(image("Left", number)) for number in (0, 1, 4, 5)] == [0, 1, 4, 5]
