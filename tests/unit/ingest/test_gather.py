"""Gather: whole groups only, and a reason for every image that is in none."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.core.doors import DoorTimes
from stentor.core.errors import SourceError
from stentor.core.frame import FrameHeader, FrameId, Plane
from stentor.ingest.arrival import LentPlane
from stentor.ingest.gather import Gather
from stentor.ingest.settings import GatherSettings

SEQUENCE = itertools.count()


def image(*, run: str = "r", side: int = 4, **header: Any) -> LentPlane:
    sequence = next(SEQUENCE)
    facts: dict[str, Any] = {"shape_yx": (side, side), "dtype": "uint16", "clock_id": "c", **header}
    made = FrameHeader(frame_id=FrameId("camera", run, sequence), received_ns=sequence, **facts)
    pixels = np.zeros((side, side), np.uint16)
    return LentPlane(Plane(made, pixels), pixels, DoorTimes(received=sequence))


def test_without_settings_every_image_is_a_frame_of_its_own() -> None:
    whole, given_up = Gather(GatherSettings()).add(image(t=0, channel="A"))

    assert whole is not None and whole.members == () and len(whole.lent) == 1
    assert given_up == []


def test_channels_and_planes_make_one_frame_in_the_plan_s_order() -> None:
    gather = Gather(GatherSettings(channels=("B", "A"), z_planes=3))

    answers = [gather.add(image(t=0, p=0, channel=c, z=z))[0] for c in "AB" for z in (2, 0, 1)]

    *early, whole = answers
    assert early == [None] * 5 and whole is not None
    assert [(p.header.channel, p.header.z) for p in whole.frame.planes] == [(c, z) for c in "BA" for z in range(3)]
    assert (whole.frame.header.channel, whole.frame.header.z) == ("B", 1)
    assert whole.times.received == max(one.times.received or 0 for one in whole.lent)


def test_interleaved_positions_are_gathered_apart() -> None:
    gather = Gather(GatherSettings(channels=("A", "B")))

    answers = [gather.add(image(t=0, p=p, channel=c))[0] for c in "AB" for p in range(3)]

    assert [None if whole is None else whole.frame.header.p for whole in answers] == [None, None, None, 0, 1, 2]


def test_a_group_that_lacks_an_image_is_given_up_when_the_next_begins() -> None:
    gather = Gather(GatherSettings(channels=("A", "B")))
    gather.add(image(t=0, p=0, channel="A"))

    whole, given_up = gather.add(image(t=1, p=0, channel="A"))

    ((group, failed),) = given_up
    assert whole is None and len(group.lent) == 1
    assert failed.stage == "gather" and failed.reason.startswith("1 of 2 images")


def test_live_images_without_time_points_begin_a_new_group_when_a_channel_comes_again() -> None:
    gather = Gather(GatherSettings(channels=("A", "B")))

    answers = [gather.add(image(channel=c)) for c in ("A", "A", "B", "A", "B")]

    assert [whole is not None for whole, _ in answers] == [False, False, True, False, True]
    assert [len(given_up) for _, given_up in answers] == [0, 1, 0, 0, 0]


def test_windows_of_time_do_not_overlap() -> None:
    gather = Gather(GatherSettings(time_points=3))

    answers = [gather.add(image(t=t))[0] for t in range(7)]

    whole = [one for one in answers if one is not None]
    assert [[p.header.t for p in one.frame.planes] for one in whole] == [[0, 1, 2], [3, 4, 5]]
    assert [one.frame.header.t for one in whole] == [2, 5]


def test_open_groups_are_given_up_with_their_run() -> None:
    gather = Gather(GatherSettings(channels=("A", "B")))
    for run in ("old", "new"):
        gather.add(image(run=run, t=0, channel="A"))

    ((group, failed),) = gather.end_run("old")

    assert group.lent[0].header.frame_id.run == "old" and "run ended" in failed.reason
    assert len(gather.end()) == 1


def test_the_oldest_group_goes_when_memory_is_short() -> None:
    gather = Gather(GatherSettings(channels=("A", "B"), max_mb=0.1))

    given_up = [gather.add(image(side=128, t=0, p=p, channel="A"))[1] for p in range(5)]  # 33 kB each

    assert [[group.frame.header.p for group, _ in gone] for gone in given_up] == [[], [], [], [0], [1]]


@pytest.mark.parametrize(
    ("settings", "header"),
    [(GatherSettings(z_planes=3), {}), (GatherSettings(z_planes=3), {"z": 3}), (GatherSettings(time_points=2), {})],
)
def test_an_image_that_does_not_say_where_it_belongs_is_refused(settings: GatherSettings, header: Any) -> None:
    with pytest.raises(SourceError, match=r"set `gather\."):
        Gather(settings).add(image(**header))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from("AB"), st.integers(0, 1)), max_size=60))
def test_every_image_comes_out_once_whatever_the_order(order: list[tuple[int, int, str, int]]) -> None:
    gather = Gather(GatherSettings(channels=("A", "B"), z_planes=2, max_mb=0.001))
    put: list[int] = []
    out: list[int] = []

    for t, p, channel, z in order:
        one = image(t=t, p=p, channel=channel, z=z, side=8)
        put.append(one.header.sequence)
        whole, given_up = gather.add(one)
        groups = [group for group, _ in given_up] + ([] if whole is None else [whole])
        out += [lent.header.sequence for group in groups for lent in group.lent]
    out += [lent.header.sequence for group, _ in gather.end() for lent in group.lent]

    assert sorted(out) == put


def test_what_was_asked_for_in_between_breaks_no_group() -> None:
    gather = Gather(GatherSettings(channels=("A", "B")))
    gather.add(image(t=0, p=0, channel="A"))

    asked, given_up = gather.add(image(p=0, channel="A", axes={"asked": 0}))
    whole, _ = gather.add(image(t=0, p=0, channel="B"))
    its_own, _ = gather.add(image(p=0, channel="B", axes={"asked": 1}))

    assert asked is None and given_up == []
    assert whole is not None and whole.frame.header.t == 0
    assert its_own is not None and len(its_own.members) == 2
