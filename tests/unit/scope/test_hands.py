"""Hands: the guard knows where the hardware truly is, whoever has driven it, and counts light where it falls."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import useq

from stentor.control.admission import OPERATOR
from stentor.control.settings import DoseSettings, GuardSettings
from stentor.core.action import (
    Acquire,
    Action,
    Cause,
    Disarm,
    MoveXY,
    MoveZ,
    PulseShutter,
    Receipt,
    Request,
    SetChannel,
    SetExposure,
    SetPositions,
    SetProperty,
)
from stentor.core.clock import FakeClock, SystemClock
from stentor.microscope.arrival import Arrival
from stentor.scope.agenda import Agenda
from stentor.scope.between import LivePace
from stentor.scope.engine import RunReport
from stentor.scope.hands.opening import Hands
from stentor.scope.plus_engine import PlusEngine
from stentor.scope.simulated import drives
from stentor.scope.simulated.core import open_simulated_core
from stentor.scope.simulated.settings import SimulatedSettings


@pytest.fixture
def core() -> Iterator[Any]:
    core = open_simulated_core(SimulatedSettings(width=128, height=128))
    yield core
    core.close()


@pytest.fixture
def stuck(core: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The core with a stage that refuses to move."""

    def refuse(*args: Any) -> None:
        raise RuntimeError("limit switch")

    monkeypatch.setattr(drives.SimulatedXYStage, "set_position_um", refuse)
    return core


class Rig:
    """Hands on a simulated core."""

    def __init__(self, core: Any, *, on_change: Callable[[], None] = lambda: None, **guard: Any) -> None:
        self.core = core
        self.clock = FakeClock()
        self.receipts: list[Receipt] = []
        self.shots: list[tuple[Arrival, tuple[float, float, float], str]] = []
        self.hands = Hands(
            GuardSettings(**{"armed": True, **guard}), core, self.clock, journal=None, abort=lambda: None,
            log=lambda request, receipt: None, on_change=on_change,
        )  # fmt: skip
        self.desk, self.gatekeeper = self.hands.desk, self.hands.gatekeeper
        self.desk.course = LivePace(0.1)

    def take(self, action: Action, who: str = "follow") -> None:
        request = Request(
            id=str(len(self.receipts) + self.clock.monotonic_ns()), action=action, cause=Cause(controller=who),
            issued_ns=0, clock_id="fake",
        )  # fmt: skip
        self.clock.advance(ms=1000.0)
        self.desk.take(request, self.receipts.append)

    def ask(self, action: Action) -> Receipt:
        self.take(action)
        self.desk.serve(0.0)
        return self.receipts[-1]

    def drive(self, device: str, *to_um: float) -> None:
        """By hand: nobody tells the guard."""
        (self.core.setXYPosition if len(to_um) == 2 else self.core.setPosition)(device, *to_um)
        self.core.waitForDevice(device)

    def acquire(self, *requests: Action, images: int = 6, plan: Any = None, **later: Action) -> RunReport:
        """An adaptive acquisition; requests come with the second image, or with that of a number: `at_4=Disarm()`."""
        engine = PlusEngine(self.core)
        engine.between = self.gatekeeper
        agenda = Agenda(
            [useq.MDAEvent()] if plan is None else plan, interval_s=0.0, time_points=images, exposure_ms=1.0,
            clock=SystemClock("real"), meanwhile=self.gatekeeper.serve, detour=self.hands.detour,
        )  # fmt: skip
        self.desk.course = agenda

        def keep(arrival: Arrival) -> None:
            place = (self.core.getXPosition(), self.core.getYPosition(), self.core.getPosition("Z"))
            self.shots.append((arrival, place, self.core.getProperty("Filters", "Label")))
            with_it = later.get(f"at_{len(self.shots)}")
            for request in (*(requests if len(self.shots) == 2 else ()), *([with_it] if with_it is not None else [])):
                self.take(request)

        return engine.run(agenda, keep)

    @property
    def asked(self) -> list[bool]:
        """Which images were asked for in between."""
        return ["asked" in arrival.event.index for arrival, _, _ in self.shots if arrival.event is not None]


def test_a_step_counts_from_where_a_hand_has_driven_to(core: Any) -> None:
    rig = Rig(core, z_step_um=5.0)
    rig.ask(MoveZ(z_um=0.0))
    rig.drive("Z", 40.0)

    refused, done = rig.ask(MoveZ(z_um=2.0)), rig.ask(MoveZ(z_um=1.0, is_relative=True))

    assert (refused.verdict, refused.rule) == ("refused", "z_step_um")
    assert done.read_back["z_um"] == pytest.approx(41.0, abs=0.5)


def test_live_light_counts_where_a_hand_has_driven_to(core: Any) -> None:
    rig = Rig(core, dose=DoseSettings(budget_uj=500.0, power_mw={"*": 1.0}))

    admitted = []
    for x_um in (0.0, 500.0):
        rig.drive("XY", x_um, 0.0)
        admitted.append([rig.gatekeeper.admits_light(100.0, 1) for _ in range(6)])

    assert admitted == [[True] * 5 + [False]] * 2


def test_a_stage_that_is_stuck_is_lit_within_the_budget_wherever_it_is_sent(stuck: Any) -> None:
    rig = Rig(stuck, dose=DoseSettings(budget_uj=10.0, power_mw={"*": 1.0}, field_um=50.0))

    places = [useq.MDAEvent(index={"p": p}, x_pos=200.0 * (p + 1), y_pos=0.0) for p in range(3)]
    rig.acquire(plan=places, images=12)

    assert 1 <= len(rig.shots) <= 10
    assert {round(place[0]) for _, place, _ in rig.shots} == {0}


def test_light_after_a_filter_was_set_by_itself_counts_as_the_brightest(core: Any) -> None:
    core.setConfig("Channel", "Phase")
    bright = DoseSettings(budget_uj=100.0, power_mw={"Phase": 0.0, "DAPI": 10.0}, field_um=50.0)
    rig = Rig(core, devices=("Filters",), dose=bright)
    event = {
        "exposure": 5.0,
        "channel": {"config": "Phase", "group": "Channel"},
        "properties": [["Filters", "Label", "DAPI"]],
    }

    receipt = rig.ask(SetProperty(device="Filters", property="Label", value="DAPI"))
    rig.acquire(*(Acquire(events=(event,)) for _ in range(5)))

    assert receipt.verdict == "done"
    asked = [label for (_, _, label), is_asked in zip(rig.shots, rig.asked, strict=True) if is_asked]
    assert asked
    assert 5.0 * 10.0 * asked.count("DAPI") <= 100.0


def test_a_preset_or_a_planned_property_drives_the_focus_no_further_than_a_move(core: Any) -> None:
    core.defineConfig("Channel", "Jump", "Z", "Position", "200")
    rig = Rig(core, z_um=(-10.0, 10.0))

    receipt = rig.ask(SetChannel(preset="Jump"))
    admitted = rig.gatekeeper.admits_event(useq.MDAEvent(properties=[("Z", "Position", 200.0)], exposure=1.0))

    assert (receipt.verdict, receipt.rule, admitted) == ("refused", "z_um", False)


@pytest.mark.parametrize("exposure_ms", [0.0, 7.2e6])
def test_an_exposure_that_no_camera_can_make_is_refused_and_the_acquisition_goes_on(
    core: Any, exposure_ms: float
) -> None:
    rig = Rig(core, exposure_ms=(0.0, 1e9))

    report = rig.acquire(SetExposure(exposure_ms=exposure_ms))

    assert (rig.receipts[0].verdict, rig.receipts[0].rule) == ("refused", "request")
    assert (report.reason, len(rig.shots)) == ("completed", 6)


def test_positions_in_z_without_a_focus_drive_are_refused(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "getFocusDevice", lambda: "")

    receipt = Rig(core).ask(SetPositions(positions_um=((1.0, 2.0, 3.0),)))

    assert (receipt.verdict, receipt.text) == ("refused", "this microscope has no focus drive")


def test_x_alone_is_imaged_where_y_stands(core: Any) -> None:
    rig = Rig(core)
    rig.drive("XY", 3.0, 4.0)

    report = rig.acquire(Acquire(events=({"x_pos": 9.0},)))

    (asked,) = [arrival.event for arrival, _, _ in rig.shots if arrival.event and "asked" in arrival.event.index]
    assert (asked.x_pos, asked.y_pos) == (9.0, pytest.approx(4.0, abs=0.5))
    assert report.reason == "completed"


def test_a_microscope_that_does_not_answer_after_a_detour_ends_no_acquisition(core: Any) -> None:
    said = iter([RuntimeError("camera: time-out while reading its region")])

    def answer() -> None:
        if (error := next(said, None)) is not None:
            raise error

    rig = Rig(core, on_change=answer)
    report = rig.acquire(Acquire(events=({"x_pos": 5.0, "y_pos": 5.0},)))

    assert next(said, None) is None, "it was asked"
    assert (report.reason, len(rig.shots)) == ("completed", 7)


def test_a_place_that_is_no_number_is_unknown_and_ends_no_acquisition(
    core: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(core, xy_step_um=10.0)
    monkeypatch.setattr(drives.SimulatedXYStage, "get_position_um", lambda self: (0.0, float("nan")))

    refused = rig.ask(MoveXY(x_um=1.0, y_um=0.0))
    report = rig.acquire()

    assert (refused.verdict, refused.rule) == ("refused", "xy_step_um")
    assert report.reason == "completed"


def test_a_drive_that_fails_while_all_images_come_is_a_complaint_and_no_failure(stuck: Any) -> None:
    # A run that "failed" was started again from its beginning, and taken twice.

    report = Rig(stuck).acquire(plan=[useq.MDAEvent(x_pos=200.0, y_pos=0.0)])

    assert (report.reason, report.error, report.received) == ("completed", None, 6)
    assert "limit switch" in (report.complaint or "")


def test_what_is_asked_of_the_drives_during_a_detour_holds_after_it(core: Any) -> None:
    rig = Rig(core)
    stack = tuple({"z_pos": float(z), "x_pos": 0.0, "y_pos": 0.0} for z in (-1, 0, 1))

    rig.acquire(Acquire(events=stack), at_3=MoveXY(x_um=30.0, y_um=0.0), at_4=MoveZ(z_um=7.0))

    assert [receipt.verdict for receipt in rig.receipts] == ["done"] * 3
    assert rig.asked == [False, False, True, True, True, False, False, False, False]
    assert [np.round(place).tolist() for _, place, _ in rig.shots[5:]] == [[30.0, 0.0, 7.0]] * 4


def test_after_a_detour_the_light_is_what_it_was_though_no_preset_describes_it(core: Any) -> None:
    core.setConfig("Channel", "Phase")
    core.deleteConfig("Channel", "Phase")
    rig = Rig(core)

    rig.acquire(Acquire(events=({"channel": {"config": "DAPI", "group": "Channel"}},)))

    assert [label for _, _, label in rig.shots] == ["Phase", "Phase", "DAPI", "Phase", "Phase", "Phase", "Phase"]


def test_a_filter_that_is_asked_for_during_a_detour_is_what_the_acquisition_goes_on_with(core: Any) -> None:
    core.setConfig("Channel", "Phase")
    rig = Rig(core, devices=("Filters",))
    three = tuple({"channel": {"config": "DAPI", "group": "Channel"}} for _ in range(3))

    rig.acquire(Acquire(events=three), at_4=SetProperty(device="Filters", property="Label", value="Phase"))

    assert rig.asked == [False, False, True, True, True, False, False, False, False]
    assert [label for _, _, label in rig.shots[5:]] == ["Phase"] * 4


def test_a_stage_that_is_stuck_is_lit_within_the_budget_by_images_asked_for(stuck: Any) -> None:
    rig = Rig(stuck, dose=DoseSettings(budget_uj=10.0, power_mw={"*": 1.0}, field_um=50.0))

    away = [Acquire(events=({"x_pos": 300.0 * k, "y_pos": 0.0, "exposure": 4.0},)) for k in range(1, 6)]
    rig.acquire(images=8, at_1=away[0], at_2=away[1], at_3=away[2], at_4=away[3], at_5=away[4])

    lit_uj = sum(4.0 if is_asked else 1.0 for is_asked in rig.asked)
    assert {round(place[0]) for _, place, _ in rig.shots} == {0}
    assert lit_uj <= 10.0 + 4.0, "one image may fall there before it is known that it is stuck"


def test_nothing_that_waits_is_done_after_a_disarm(core: Any) -> None:
    rig = Rig(core, devices=("Lamp",))
    before = core.getXPosition()

    for action in (MoveXY(x_um=50.0, y_um=0.0), PulseShutter(duration_ms=20.0)):
        rig.take(action)
    rig.take(Disarm(), who=OPERATOR)
    rig.desk.serve(0.0)
    rig.desk.serve(0.0)

    assert [receipt.verdict for receipt in rig.receipts] == ["done", "refused", "refused"]
    assert [receipt.rule for receipt in rig.receipts[1:]] == ["armed", "armed"]
    assert core.getXPosition() == before


def test_images_that_were_asked_for_are_not_taken_after_a_disarm(core: Any) -> None:
    rig = Rig(core)
    events = tuple({"x_pos": 1.0, "y_pos": 0.0} for _ in range(30))

    rig.acquire(Acquire(events=events), images=4, at_4=Disarm())

    assert rig.asked == [False, False, True, True, False, False]
