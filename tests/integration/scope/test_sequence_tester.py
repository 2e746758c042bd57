"""Images by Micro-Manager's SequenceTester, which write down the state of the hardware at their exposure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import useq

from stentor.microscope.arrival import Arrival
from stentor.scope.rig import Rig

pytestmark = pytest.mark.timeout(60)

TRIGGERED = {"TriggerSourceDevice": "TCamera-0", "TriggerSourcePort": "ExposureStartEdge"}


@dataclass(frozen=True)
class Witness:
    """What one image says: the camera's own count, and where the devices truly were."""

    count: int
    is_sequence: bool
    xyz_um: tuple[float, float, float]
    switch: int
    event: useq.MDAEvent


class Witnesses(list[Witness]):
    """A sink that reads the images."""

    def __call__(self, arrival: Arrival) -> None:
        _, (_, count, is_sequence, _, _), _, _, _, now, _ = decoded(arrival.pixels.tobytes())
        state = {tuple(key): value for key, (_, value) in now}
        steps = (state.get(("TXYStage-0", f"{axis}PositionSteps"), 0) for axis in "XY")
        x_um, y_um = (0.1 * step for step in steps)
        z_um = state.get(("TZStage-0", "ZPositionUm"), 0.0)
        assert arrival.event is not None
        self.append(Witness(count, is_sequence, (x_um, y_um, z_um), state["TSwitcher-0", "Position"], arrival.event))


def decoded(image: bytes) -> Any:
    """Read the MessagePack document at the head of an image; its last bytes may be zeros like those after it."""
    length = len(image.rstrip(b"\0"))
    for end in range(length, length + 9):
        try:
            return msgspec.msgpack.decode(image[:end])
        except msgspec.DecodeError:
            continue
    raise AssertionError("no document in this image; is ImageMode MachineReadable?")


@pytest.fixture
def tester(real_rig: Rig) -> Iterator[Rig]:
    """A rig whose camera and drives are the SequenceTester's for one test, and cannot be triggered."""
    core = real_rig.core
    before = core.getCameraDevice(), core.getFocusDevice(), core.getXYStageDevice()
    core.setCameraDevice("TCamera")
    core.setFocusDevice("TZ")
    core.setXYStageDevice("TXY")
    yield real_rig
    for device in ("TZ", "TSwitch"):
        core.setProperty(device, "TriggerSequenceMaxLength", "0")
    core.setCameraDevice(before[0])
    core.setFocusDevice(before[1])
    core.setXYStageDevice(before[2])


def make_triggered(rig: Rig, device: str, length: int = 16) -> None:
    for name, value in TRIGGERED.items():
        rig.core.setProperty(device, name, value)
    rig.core.setProperty(device, "TriggerSequenceMaxLength", str(length))


def gate(position: str) -> dict[str, str]:
    return {"group": "Gate", "config": position}


def test_every_image_was_taken_where_its_event_says(tester: Rig) -> None:
    sequence = useq.MDASequence(
        axis_order="tpcz",
        time_plan={"interval": 0.05, "loops": 2},
        stage_positions=[(0, 0, 0), (10, 20, 5), (-3, 7, 1)],
        channels=[gate("A"), gate("B")],
        z_plan={"range": 2, "step": 1},
    )
    witnesses = Witnesses()

    report = tester.engine.run(sequence, witnesses)

    assert (report.reason, report.received) == ("completed", 36)
    for witness in witnesses:
        event = witness.event
        assert event.channel is not None
        assert witness.xyz_um == pytest.approx((event.x_pos, event.y_pos, event.z_pos))
        assert witness.switch == "AB".index(event.channel.config)


def test_a_burst_loses_and_repeats_nothing(tester: Rig) -> None:
    sequence = useq.MDASequence(time_plan={"interval": 0, "loops": 300})
    witnesses = Witnesses()

    report = tester.engine.run(sequence, witnesses)

    assert (report.reason, report.missed) == ("completed", 0)
    assert all(witness.is_sequence for witness in witnesses)
    assert [witness.count - witnesses[0].count for witness in witnesses] == list(range(300))


def test_a_focus_drive_that_can_be_triggered_is_sequenced_with_the_camera(tester: Rig) -> None:
    make_triggered(tester, "TZ")
    sequence = useq.MDASequence(
        time_plan={"interval": 0, "loops": 3}, z_plan={"range": 4, "step": 1}, stage_positions=[(0, 0, 10)]
    )
    witnesses = Witnesses()

    report = tester.engine.run(sequence, witnesses)

    assert (report.reason, report.received) == ("completed", 15)
    assert all(witness.is_sequence for witness in witnesses)
    assert [witness.xyz_um[2] for witness in witnesses] == [witness.event.z_pos for witness in witnesses]


def test_channels_that_can_be_triggered_do_not_break_the_run(tester: Rig) -> None:
    # pycromanager 1.0.2: "Property sequences not yet implemented", and the run ends without its images.
    make_triggered(tester, "TSwitch")
    sequence = useq.MDASequence(time_plan={"interval": 0, "loops": 4}, channels=[gate("A"), gate("B")])
    witnesses = Witnesses()

    report = tester.engine.run(sequence, witnesses)

    assert (report.reason, report.received) == ("completed", 8)
    assert [witness.switch for witness in witnesses] == [0, 1] * 4


def test_the_properties_of_every_event_reach_the_device(tester: Rig) -> None:
    # pycromanager 1.0.2 merges such events into one sequence, and drops the properties of all of them.
    events = [
        useq.MDAEvent(index={"t": t}, properties=[useq.PropertyTuple("TSwitch", "State", str(state))])
        for t, state in enumerate([1, 0, 0, 1, 1])
    ]
    witnesses = Witnesses()

    report = tester.engine.run(events, witnesses)

    assert (report.reason, report.received) == ("completed", 5)
    assert [witness.switch for witness in witnesses] == [1, 0, 0, 1, 1]


def test_exposures_that_differ_are_not_merged_into_one(tester: Rig) -> None:
    seen: list[float] = []
    events = [useq.MDAEvent(index={"t": t}, exposure=exposure) for t, exposure in enumerate([10, 20, 20, 5])]

    report = tester.engine.run(events, lambda arrival: seen.append(exposure_of(arrival)))

    assert report.reason == "completed"
    assert seen == [10, 20, 20, 5]


def exposure_of(arrival: Arrival) -> float:
    _, _, _, _, _, now, _ = decoded(arrival.pixels.tobytes())
    return float(next(value for key, (_, value) in now if key == ["TCamera-0", "Exposure"]))


def test_numbers_of_the_camera_grow_by_one_in_live_mode(tester: Rig) -> None:
    counts: list[int] = []

    def sink(arrival: Arrival) -> None:
        counts.append(decoded(arrival.pixels.tobytes())[1][1])

    report = tester.engine.live(sink, exposure_ms=1, frames=100)

    assert (report.reason, report.missed) == ("completed", 0)
    assert all(later - earlier == 1 for earlier, later in pairwise(counts))
