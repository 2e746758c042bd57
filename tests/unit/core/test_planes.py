"""Planes: the right one of a gathered group, or an error that says how to gather it."""

from typing import Any

import numpy as np
import pytest

from stentor.core.errors import StageError
from stentor.core.frame import Frame, FrameHeader, FrameId, Plane
from stentor.core.planes import pick, stack


def plane(value: int, shape: tuple[int, int] = (4, 5), **header: Any) -> Plane:
    frame_id = FrameId("camera", "r", value)
    facts: dict[str, Any] = {"shape_yx": shape, "dtype": "uint16", "received_ns": 0, "clock_id": "c", **header}
    return Plane(FrameHeader(frame_id=frame_id, **facts), np.full(shape, value, np.uint16))


def cube() -> Frame:
    """Two time points, two channels, three z-planes; the pixels count from 0."""
    places = [(t, c, z) for t in range(2) for c in range(2) for z in range(3)]
    planes = tuple(plane(6 * t + 3 * c + z, t=t, z=z, channel="AB"[c]) for t, c, z in places)
    return Frame(planes[7].header, planes[7].pixels, planes)


@pytest.mark.parametrize(
    ("wish", "value"),
    [({}, 7), ({"channel": "A"}, 7), ({"channel": "B"}, 10), ({"channel": "B", "z": 2}, 11), ({"z": 0}, 6),
     ({"z": "max"}, 8), ({"channel": "B", "z": "mean"}, 10)],
)  # fmt: skip
def test_the_newest_plane_of_a_channel_is_picked(wish: Any, value: float) -> None:
    assert (pick(cube(), **wish) == value).all()


def test_a_stack_holds_the_planes_in_order() -> None:
    assert stack(cube(), channel="B")[:, 0, 0].tolist() == [9, 10, 11]


def test_a_frame_that_came_alone_is_its_own_plane() -> None:
    one = plane(5, channel="A")
    frame = Frame(one.header, one.pixels)

    assert pick(frame, channel="A") is one.pixels
    assert stack(frame).shape == (1, 4, 5)


def test_a_channel_that_is_not_there_is_named_with_the_remedy() -> None:
    with pytest.raises(StageError, match=r"'C' was not gathered, only A, B; name it in `gather.channels`"):
        pick(cube(), channel="C")


def test_a_plane_that_is_not_there_is_named_with_the_remedy() -> None:
    with pytest.raises(StageError, match=r"no plane z = 7 .* 0, 1, 2; set `gather.z_planes`"):
        pick(cube(), z=7)


def test_planes_of_different_sizes_do_not_stack() -> None:
    odd = (plane(0, z=0), plane(1, (2, 2), z=1))

    with pytest.raises(StageError, match="differ in size"):
        stack(Frame(odd[0].header, odd[0].pixels, odd))
