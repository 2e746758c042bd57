"""Frames that somebody waits for are known by their axes, once, for a time."""

from stentor.core.awaited import MOST, Awaited
from stentor.core.clock import FakeClock
from stentor.core.frame import FrameHeader, FrameId


def frame(**axes: int | str) -> FrameHeader:
    t = axes.get("t")
    return FrameHeader(
        frame_id=FrameId("camera", "run", 0), shape_yx=(2, 2), dtype="uint16", received_ns=0, clock_id="fake",
        axes=axes, t=t if isinstance(t, int) else None, channel="DAPI",
    )  # fmt: skip


def test_the_first_frame_with_the_axes_is_the_one_and_no_other() -> None:
    awaited = Awaited(FakeClock())
    awaited.expect({"t": 3, "channel": "DAPI"}, for_s=1.0)

    claims = [awaited.claims(frame(t=t)) for t in (2, 3, 3)]

    assert claims == [False, True, False]


def test_after_its_time_nobody_waits_any_more() -> None:
    clock = FakeClock()
    awaited = Awaited(clock)
    awaited.expect({"t": 3}, for_s=1.0)

    clock.advance(ms=1001)

    assert not awaited.claims(frame(t=3))
    assert len(awaited) == 0


def test_who_waits_for_too_much_is_forgotten_from_the_oldest_on() -> None:
    awaited = Awaited(FakeClock())

    for t in range(MOST + 1):
        awaited.expect({"t": t}, for_s=1.0)

    assert len(awaited) == MOST
    assert not awaited.claims(frame(t=0))
    assert awaited.claims(frame(t=MOST))
