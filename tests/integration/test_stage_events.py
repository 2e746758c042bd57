"""What a stage says has happened reaches consumers, each event once, in order, and after its frame's result."""

import signal
from typing import Any

import stentor

PLAN = '[[plan]]\nstage = "chatty"\n[acquisition]\nrate_hz = 5.0\n'


def test_a_hundred_events_of_a_frame_follow_its_result(rig: Any) -> None:
    process = rig.start(PLAN)
    rig.wait_for(rig.status)

    with stentor.Listener(delivery="record", name="saver") as listener:
        first = rig.wait_for(lambda: listener.receive(1.0))
        before = len(listener.events)
        rig.wait_for(lambda: listener.receive(1.0))
        events = listener.events[before:][-100:]

    assert [event.data["index"] for event in events] == list(range(100))
    assert {event.data["sequence"] for event in events} == {first.frame.sequence}
    assert {event.data["run"] for event in events} == {first.frame.frame_id.run}
    assert events[0].kind == "chat" and events[0].counter > first.header.counter
    process.send_signal(signal.SIGINT)
    assert rig.finish(process, 20)["outcomes"]["failed"] == 0


def test_the_default_plan_numbers_every_object(rig: Any) -> None:
    process = rig.start(None)
    rig.wait_for(rig.status)

    with stentor.Listener(delivery="record", name="saver") as listener:
        early, *_, late = [rig.wait_for(lambda: listener.receive(1.0)) for _ in range(8)]

    assert len(early.objects) > 20
    same = set(early.objects["track_id"].tolist()) & set(late.objects["track_id"].tolist())
    assert len(same) > 0.9 * len(early.objects)
    process.send_signal(signal.SIGINT)
    rig.finish(process, 20)
