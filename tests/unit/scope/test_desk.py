"""Desk: every request is answered once, on the thread that holds the hardware, and floods hurt nobody."""

import threading
import time
from typing import Any

import pytest

from stentor.control.admission import OPERATOR
from stentor.control.dose import DoseAccount
from stentor.control.guard import Guard
from stentor.control.settings import DoseSettings, GuardSettings
from stentor.core.action import (
    Abort,
    Action,
    Alive,
    Arm,
    Cause,
    MoveXY,
    Pause,
    ProjectMask,
    PulseShutter,
    Receipt,
    Request,
    Resume,
    SetInterval,
    SetProperty,
    SetRoi,
    Skip,
)
from stentor.core.clock import FakeClock
from stentor.core.frame import FrameId
from stentor.scope.between import LivePace
from stentor.scope.hands.desk import Desk
from stentor.scope.hands.drivers import Drivers
from stentor.scope.hands.performer import Performer
from stentor.scope.hands.whereabouts import Whereabouts
from stentor.scope.simulated.core import open_simulated_core
from stentor.scope.simulated.settings import SimulatedSettings

LIGHT = SetProperty(device="Lamp", property="Intensity", value=60.0)
SMALL = SimulatedSettings(width=128, height=128)


@pytest.fixture(scope="module")
def core() -> Any:
    core = open_simulated_core(SMALL)
    yield core
    core.close()


class Bench:
    def __init__(self, core: Any, **settings: Any) -> None:
        self.core = core
        self.clock = FakeClock()
        self.settings = GuardSettings(**{"armed": True, "x_um": (-100.0, 100.0), "devices": ("Lamp",), **settings})
        drivers = Drivers(core, [])
        account = DoseAccount(self.settings.dose, received_uj={}, field_um=100.0)
        guard = Guard(self.settings, account, drivers.standing())
        self.changes = 0
        self.guard = guard
        self.whereabouts = Whereabouts(drivers, guard)
        performer = Performer(self.settings, core, guard, drivers, self.whereabouts, on_change=self.note_change)
        self.logged: list[tuple[Request, Receipt]] = []
        self.left_out: list[int | None] = []
        self.aborted = threading.Event()
        self.desk = Desk(
            self.settings,
            performer,
            self.clock,
            abort=self.aborted.set,
            log=self.note_log,
        )
        self.desk.course = self.pace = LivePace(0.1)
        self.receipts: list[Receipt] = []

    def note_change(self) -> None:
        self.changes += 1

    def note_log(self, request: Request, receipt: Receipt, left_out: int | None = None) -> None:
        self.logged.append((request, receipt))
        self.left_out.append(left_out)

    def take(self, action: Action, *, id: str = "", who: str = "follow") -> None:
        request = Request(
            id=id or f"request {len(self.logged)}.{len(self.receipts)}",
            action=action, cause=Cause(controller=who), issued_ns=0, clock_id="fake",
        )  # fmt: skip
        self.desk.take(request, self.receipts.append)

    def lose_sight_of(self, who: str) -> None:
        """Let somebody give one sign of life and none for longer than a second."""
        self.take(Alive(), who=who)
        self.clock.advance(ms=1100)
        self.desk.watch()

    def ask(self, action: Action, **more: Any) -> Receipt:
        self.take(action, **more)
        self.desk.serve(0.0)
        return self.receipts[-1]


def test_a_request_waits_for_the_thread_that_holds_the_hardware(core: Any) -> None:
    bench = Bench(core)

    bench.take(MoveXY(x_um=10.0, y_um=0.0))
    before = list(bench.receipts)
    bench.desk.serve(0.0)

    assert before == []
    assert bench.receipts[0].verdict == "done"
    assert bench.receipts[0].read_back["x_um"] == pytest.approx(10.0, abs=0.5)
    assert bench.changes == 1


def test_a_repeated_id_is_answered_again_and_nothing_is_done_twice(core: Any) -> None:
    bench = Bench(core)

    first = bench.ask(MoveXY(x_um=1.0, y_um=0.0, is_relative=True), id="once")
    again = bench.ask(MoveXY(x_um=1.0, y_um=0.0, is_relative=True), id="once")

    assert again is first
    assert bench.changes == 1
    assert len(bench.logged) == 1


def test_relative_moves_cannot_creep_past_a_limit(core: Any) -> None:
    bench = Bench(core, actions_per_s=1000)
    bench.ask(MoveXY(x_um=0.0, y_um=0.0))

    verdicts = [bench.ask(MoveXY(x_um=30.0, y_um=0.0, is_relative=True)).verdict for _ in range(5)]

    assert verdicts == ["done", "done", "done", "refused", "refused"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_moves_nothing(core: Any, value: float) -> None:
    bench = Bench(core)

    receipt = bench.ask(MoveXY(x_um=value, y_um=0.0))

    assert (receipt.verdict, receipt.rule) == ("refused", "x_um")
    assert bench.changes == 0


def test_a_dry_run_judges_and_does_nothing(core: Any) -> None:
    bench = Bench(core, dry_run=True)
    where = core.getXPosition()

    allowed = bench.ask(MoveXY(x_um=50.0, y_um=0.0))
    refused = bench.ask(MoveXY(x_um=500.0, y_um=0.0))

    assert (allowed.verdict, refused.verdict) == ("dry-run", "refused")
    assert core.getXPosition() == where


def test_what_a_device_refuses_is_a_failure_in_its_words(core: Any) -> None:
    bench = Bench(core)

    receipt = bench.ask(SetProperty(device="Lamp", property="Intensity", value=1e9))

    assert receipt.verdict == "failed"
    assert receipt.text


def test_a_device_that_is_not_there_is_refused_by_name(core: Any) -> None:
    bench = Bench(core)

    receipt = bench.ask(SetProperty(device="Lamp", property="Intensty", value=1.0))

    assert receipt.verdict == "refused"
    assert "no property 'Intensty'" in receipt.text


def test_an_answer_is_short_however_long_the_name_that_it_repeats(core: Any) -> None:
    # 1024 answers of each of 64 askers are remembered, and a request may have 1 MB.
    bench = Bench(core)

    receipt = bench.ask(SetProperty(device="L" * 900_000, property="Intensity", value=1.0))

    assert receipt.verdict == "refused"
    assert len(receipt.text) == 1000


def test_a_flood_is_answered_and_leaves_the_queue_short(core: Any) -> None:
    bench = Bench(core, actions_per_s=20)

    for number in range(1000):
        bench.take(MoveXY(x_um=0.1, y_um=0.0, is_relative=True), id=str(number))
    bench.desk.serve(0.0)

    verdicts = [receipt.verdict for receipt in bench.receipts]
    assert verdicts.count("done") == 20
    assert verdicts.count("refused") == 980


def test_an_interval_is_changed_without_touching_hardware(core: Any) -> None:
    bench = Bench(core)

    receipt = bench.ask(SetInterval(interval_ms=250.0))

    assert receipt.verdict == "done"
    assert bench.pace.interval_s == 0.25
    assert bench.changes == 0


def test_live_images_take_no_events_and_say_what_does(core: Any) -> None:
    from stentor.core.action import Acquire

    receipt = Bench(core).ask(Acquire(events=({"exposure": 5.0},)))

    assert (receipt.verdict, receipt.rule) == ("refused", "mode")
    assert 'mode = "adaptive"' in receipt.text


def test_abort_and_pause_act_from_any_thread_at_once(core: Any) -> None:
    bench = Bench(core)

    bench.take(Pause())
    bench.take(Abort())

    assert bench.pace.is_paused
    assert bench.aborted.is_set()
    assert [receipt.verdict for receipt in bench.receipts] == ["done", "done"]


def test_silence_pauses_and_makes_safe(core: Any) -> None:
    bench = Bench(core, on_silence="safe", safe={"Lamp.Intensity": 0.0}, silence_s=1.0)
    core.setProperty("Lamp", "Intensity", 80.0)
    bench.take(Alive(), who="follow")

    bench.clock.advance(ms=1500)
    bench.desk.watch()
    bench.desk.serve(0.0)

    assert bench.pace.is_paused
    assert float(core.getProperty("Lamp", "Intensity")) == 0.0
    (paused, _), (darkened, receipt) = bench.logged
    assert "follow has been silent" in paused.cause.reason
    assert darkened.action == SetProperty(device="Lamp", property="Intensity", value=0.0)
    assert (darkened.cause.reason, receipt.verdict) == ("guard.safe", "done")


def test_what_could_not_be_made_safe_is_in_the_log(core: Any) -> None:
    bench = Bench(core, on_silence="safe", safe={"Lamp.Intensity": 1e9}, silence_s=1.0)
    bench.take(Alive(), who="follow")

    bench.clock.advance(ms=1500)
    bench.desk.watch()
    bench.desk.serve(0.0)

    assert (bench.logged[-1][1].verdict, bench.logged[-1][1].rule) == ("refused", "device")


def test_who_waits_for_an_answer_is_not_silent(core: Any) -> None:
    # A move of 3 s: its controller, which waits for the receipt, gave no sign of life meanwhile and was taken for dead.
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    bench.take(Alive())
    bench.take(MoveXY(x_um=5.0, y_um=0.0))

    bench.clock.advance(ms=3000)
    bench.desk.watch()
    is_paused_while_it_waits = bench.pace.is_paused
    bench.desk.serve(0.0)
    bench.clock.advance(ms=1100)
    bench.desk.watch()

    assert not is_paused_while_it_waits
    assert bench.pace.is_paused


def test_a_region_of_interest_comes_and_goes(core: Any) -> None:
    bench = Bench(core)

    bench.ask(SetRoi(x_px=10, y_px=20, width_px=64, height_px=32))
    inside = (core.getImageWidth(), core.getImageHeight())
    bench.ask(SetRoi())

    assert inside == (64, 32)
    assert (core.getImageWidth(), core.getImageHeight()) == (128, 128)


def test_what_still_waits_at_the_end_is_answered(core: Any) -> None:
    bench = Bench(core)

    bench.take(MoveXY(x_um=1.0, y_um=0.0))
    bench.desk.close()

    assert bench.receipts[0].verdict == "failed"
    assert "has ended" in bench.receipts[0].text


def test_a_pulse_of_light_counts_and_is_refused_past_the_budget(core: Any) -> None:
    from stentor.core.action import PulseShutter

    bench = Bench(core, dose=DoseSettings(budget_uj=15.0))

    first, second = bench.ask(PulseShutter(duration_ms=10.0)), bench.ask(PulseShutter(duration_ms=10.0))

    assert first.verdict == "done"
    assert (second.verdict, second.rule) == ("refused", "dose")
    assert not core.getShutterOpen()


def test_a_pause_for_silence_ends_when_all_are_heard_again(core: Any) -> None:
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    for who in ("follow", "daemon"):
        bench.take(Alive(), who=who)
    bench.clock.advance(ms=1500)
    bench.desk.watch()

    bench.take(Alive(), who="follow")
    bench.desk.watch()
    is_still_paused = bench.pace.is_paused
    bench.take(Alive(), who="daemon")
    bench.desk.watch()

    assert is_still_paused
    assert not bench.pace.is_paused
    assert [type(request.action).__name__ for request, _ in bench.logged] == ["Pause", "Pause", "Resume"]


def test_what_somebody_paused_stays_paused(core: Any) -> None:
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    bench.take(Alive(), who="follow")
    bench.take(Pause(), who="operator")
    bench.clock.advance(ms=1500)
    bench.desk.watch()

    bench.take(Alive(), who="follow")
    bench.desk.watch()

    assert bench.pace.is_paused


def test_who_says_goodbye_is_not_missed_and_signs_of_life_are_not_logged(core: Any) -> None:
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    bench.take(Alive(), who="follow")
    bench.take(Alive(is_last=True), who="follow")

    bench.clock.advance(ms=5000)
    bench.desk.watch()

    assert [receipt.verdict for receipt in bench.receipts] == ["done", "done"]
    assert not bench.pace.is_paused
    assert bench.logged == []


def test_requests_slower_than_they_come_leave_time_for_images(core: Any) -> None:
    bench = Bench(core)
    for count in range(5):
        bench.take(MoveXY(x_um=float(count), y_um=0.0), id=f"move {count}")
    slow = bench.desk._performer.carry_out

    def take_long(*asked: Any) -> Any:
        bench.clock.advance(ms=60)
        return slow(*asked)

    bench.desk._performer.carry_out = take_long
    bench.desk.serve(0.0)

    assert len(bench.receipts) == 1


def test_a_flood_of_one_delays_no_other(core: Any) -> None:
    bench = Bench(core, actions_per_s=1000.0)
    for count in range(40):
        bench.take(MoveXY(x_um=float(count % 2), y_um=0.0), id=f"flood {count}", who="flood")
    bench.take(SetProperty(device="Lamp", property="Intensity", value=50.0), id="careful", who="careful")

    bench.desk.serve(0.0)

    done = [receipt.id for receipt in bench.receipts if receipt.verdict == "done"]
    assert done[:3] == ["flood 0", "careful", "flood 1"]
    assert {receipt.rule for receipt in bench.receipts if receipt.verdict == "refused"} == {"actions_per_s"}


def test_who_finds_the_queue_full_of_others_is_told_so(core: Any) -> None:
    bench = Bench(core)  # the 17th was told that 32 requests of its own wait, who had asked for one

    for number in range(17):
        bench.take(MoveXY(x_um=1.0, y_um=0.0), who=f"controller {number}")

    (refused,) = bench.receipts
    assert (refused.verdict, refused.rule) == ("refused", "actions_per_s")
    assert refused.text.startswith("requests of 16 others wait for the hardware already")


def test_what_has_waited_until_its_frame_is_old_is_refused(core: Any) -> None:
    bench = Bench(core, max_age_ms=1000.0)
    seen = Cause(controller="follow", frame_id=FrameId("camera", "run", 1), seen_ns=0, clock_id="fake")
    request = Request(id="late", action=MoveXY(x_um=1.0, y_um=0.0), cause=seen, issued_ns=0, clock_id="fake")
    bench.desk.take(request, bench.receipts.append)

    bench.clock.advance(ms=1500)
    bench.desk.serve(0.0)

    assert (bench.receipts[0].verdict, bench.receipts[0].rule) == ("refused", "max_age_ms")


def test_a_drive_that_failed_on_its_way_stands_nowhere_until_it_says_so(
    core: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(core, xy_step_um=50.0)
    assert bench.ask(MoveXY(x_um=0.0, y_um=0.0)).is_done

    def hang(*args: Any) -> None:
        raise TimeoutError("Wait for device 'XY' timed out")

    def set_off(*args: Any) -> None:
        patched.setattr(core, "waitForDevice", hang)
        patched.setattr(core, "deviceBusy", lambda label: True)

    with monkeypatch.context() as patched:
        patched.setattr(core, "setXYPosition", set_off)
        failed = bench.ask(MoveXY(x_um=40.0, y_um=0.0))
        lost = bench.guard.standing
        refused = bench.ask(MoveXY(x_um=45.0, y_um=0.0))
    core.waitForDevice("XY")
    found = bench.ask(MoveXY(x_um=0.0, y_um=0.0))

    assert (failed.verdict, "TimeoutError" in failed.text, "x_um" in failed.read_back) == ("failed", True, False)
    assert lost.x_um is None
    assert (refused.verdict, refused.rule) == ("refused", "xy_step_um")
    assert found.is_done


def test_a_request_that_a_driver_cannot_digest_is_answered_and_the_acquisition_goes_on(core: Any) -> None:
    bench = Bench(core, devices=("Camera",))
    mask = ProjectMask(mask=b"", shape_yx=(1, 1), device="Camera")  # a camera is no SLM: the core raises when asked

    receipt = bench.ask(mask)

    assert (receipt.verdict, receipt.rule) == ("refused", "request")


@pytest.mark.parametrize("error", [TypeError("not an int"), OverflowError("too large"), KeyError("what"), OSError()])
def test_whatever_a_driver_raises_costs_one_request(
    core: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(core)

    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(core, "setXYPosition", fail)
    receipt = bench.ask(MoveXY(x_um=1.0, y_um=0.0))

    assert receipt.verdict == "failed"
    assert str(error) in receipt.text


def test_a_log_that_raises_costs_no_answer(core: Any) -> None:
    bench = Bench(core)

    def fail(request: Request, receipt: Receipt) -> None:
        raise OverflowError("no such number")

    desk = Desk(bench.settings, bench.desk._performer, bench.clock, abort=lambda: None, log=fail)
    desk.course = bench.pace
    request = Request(id="one", action=Pause(), cause=Cause(controller="follow"), issued_ns=0, clock_id="fake")
    desk.take(request, bench.receipts.append)

    assert bench.receipts[0].verdict == "done"


def test_two_controllers_that_number_their_requests_alike_are_both_served(core: Any) -> None:
    bench = Bench(core)

    bench.ask(MoveXY(x_um=1.0, y_um=0.0), id="1", who="follow")
    receipt = bench.ask(MoveXY(x_um=20.0, y_um=0.0), id="1", who="hunt")

    assert receipt.read_back["x_um"] == pytest.approx(20.0, abs=0.5)


def test_an_id_used_for_another_action_is_refused_and_not_answered_as_the_first(core: Any) -> None:
    bench = Bench(core)

    bench.ask(MoveXY(x_um=1.0, y_um=0.0), id="1")
    receipt = bench.ask(MoveXY(x_um=20.0, y_um=0.0), id="1")

    assert (receipt.verdict, receipt.rule) == ("refused", "id")
    assert len(bench.logged) == 2
    assert bench.changes == 1


def test_who_asks_again_while_it_still_waits_is_answered_as_well(core: Any) -> None:
    bench = Bench(core)
    bench.take(MoveXY(x_um=1.0, y_um=0.0), id="once")
    bench.take(MoveXY(x_um=1.0, y_um=0.0), id="once")

    bench.desk.serve(0.0)

    assert [receipt.verdict for receipt in bench.receipts] == ["done", "done"]
    assert bench.changes == 1


def test_a_flood_makes_nobody_forget_what_was_asked_by_another(core: Any) -> None:
    bench = Bench(core, actions_per_s=20.0)
    bench.ask(MoveXY(x_um=0.0, y_um=0.0), id="start")
    bench.ask(MoveXY(x_um=1.0, y_um=0.0, is_relative=True), id="done")
    bench.take(MoveXY(x_um=1.0, y_um=0.0, is_relative=True), id="waits")
    for number in range(5000):
        bench.take(MoveXY(x_um=0.0, y_um=0.0), id=str(number), who="flood")

    bench.take(MoveXY(x_um=1.0, y_um=0.0, is_relative=True), id="done")
    bench.take(MoveXY(x_um=1.0, y_um=0.0, is_relative=True), id="waits")
    bench.desk.serve(0.0)

    mine = [request.id for request, _ in bench.logged if request.cause.controller == "follow"]
    assert mine == ["start", "done", "waits"]


def test_what_comes_while_the_acquisition_ends_is_answered(core: Any) -> None:
    bench = Bench(core)
    put = bench.desk._waiting.put

    def end_first(asked: Any) -> Any:
        bench.desk.close()
        return put(asked)

    bench.desk._waiting.put = end_first  # type: ignore[method-assign]
    bench.take(MoveXY(x_um=1.0, y_um=0.0))

    assert [receipt.verdict for receipt in bench.receipts] == ["failed"]


@pytest.mark.parametrize(("how", "is_fixed"), [("continue", False), ("pause", True), ("safe", True)])
def test_a_silence_that_holds_nothing_up_is_not_logged_as_a_pause(core: Any, how: str, is_fixed: bool) -> None:
    bench = Bench(core, on_silence=how, silence_s=1.0)
    if is_fixed:
        bench.desk.course = None
    bench.take(Alive(), who="follow")
    bench.clock.advance(ms=1500)

    bench.desk.watch()

    ((request, receipt),) = bench.logged
    assert "follow has been silent" in request.cause.reason
    assert (receipt.verdict, receipt.rule) == ("refused", "on_silence")


def test_while_somebody_is_missed_only_an_operator_lets_the_acquisition_go_on(core: Any) -> None:
    bench = Bench(core, on_silence="safe", silence_s=1.0)
    bench.lose_sight_of("follow")

    bench.ask(Pause(), who="hunt")
    refused = bench.ask(Resume(), who="hunt")
    assert (refused.verdict, refused.rule) == ("refused", "armed")
    assert bench.pace.is_paused

    assert bench.ask(Arm(), who=OPERATOR).is_done
    assert not bench.pace.is_paused


def test_what_is_safe_stays_so_whoever_asks_until_an_operator_arms(core: Any) -> None:
    bench = Bench(core, on_silence="safe", silence_s=1.0, safe={"Lamp.Intensity": 0.0})
    bench.lose_sight_of("follow")

    refused = [
        bench.ask(action, who="hunt") for action in (LIGHT, MoveXY(x_um=5.0, y_um=0.0), PulseShutter(duration_ms=5.0))
    ]

    assert {(receipt.verdict, receipt.rule) for receipt in refused} == {("refused", "armed")}
    assert float(core.getProperty("Lamp", "Intensity")) == 0.0
    assert bench.ask(Arm(), who=OPERATOR).is_done
    assert bench.ask(LIGHT, who="hunt").is_done


def test_after_arming_a_controller_may_resume_again(core: Any) -> None:
    bench = Bench(core, on_silence="safe", silence_s=1.0)
    bench.lose_sight_of("follow")
    bench.ask(Arm(), who=OPERATOR)

    bench.ask(Pause(), who="hunt")

    assert bench.ask(Resume(), who="hunt").is_done


def test_a_dry_run_counts_no_light(core: Any) -> None:
    bench = Bench(core, dry_run=True, dose=DoseSettings(budget_uj=100.0))

    assert [bench.ask(PulseShutter(duration_ms=60.0)).verdict for _ in range(3)] == ["dry-run"] * 3


def test_an_operator_who_arms_before_all_is_safe_has_the_last_word(core: Any) -> None:
    bench = Bench(core, on_silence="safe", silence_s=1.0, safe={"Lamp.Intensity": 0.0})
    core.setProperty("Lamp", "Intensity", 80.0)
    bench.lose_sight_of("follow")  # the thread that holds the hardware exposes meanwhile

    bench.take(Arm(), who=OPERATOR)
    bench.desk.watch()
    bench.desk.serve(0.0)

    assert bench.desk.is_armed
    assert float(core.getProperty("Lamp", "Intensity")) == 80.0


def test_a_thread_without_a_course_waits_and_does_not_spin(core: Any) -> None:
    bench = Bench(core, on_silence="safe", silence_s=1.0)
    bench.desk.course = None
    bench.lose_sight_of("follow")
    bench.desk.serve(0.0)

    began_s = time.monotonic()
    for _ in range(3):
        bench.desk.serve(0.05)

    assert time.monotonic() - began_s > 0.09


def test_arming_ends_no_pause_of_an_operator(core: Any) -> None:
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    bench.ask(Alive(), who="follow")
    bench.ask(Pause(), who=OPERATOR)
    bench.clock.advance(ms=1100)
    bench.desk.watch()

    bench.ask(Arm(), who=OPERATOR)
    assert bench.pace.is_paused

    bench.ask(Resume(), who=OPERATOR)
    assert not bench.pace.is_paused


def test_somebody_who_fell_silent_before_the_acquisition_holds_it_up_when_it_begins(core: Any) -> None:
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    bench.desk.course = None
    bench.lose_sight_of("daemon")

    bench.desk.course = bench.pace
    assert bench.pace.is_paused

    bench.ask(Alive(), who="daemon")
    bench.desk.watch()
    assert not bench.pace.is_paused


def test_silence_in_a_dry_run_is_logged_and_changes_nothing(core: Any) -> None:
    bench = Bench(core, dry_run=True, on_silence="safe", silence_s=1.0, safe={"Lamp.Intensity": 0.0})
    before = core.getProperty("Lamp", "Intensity")
    bench.lose_sight_of("follow")
    bench.desk.serve(0.0)

    ((request, receipt),) = bench.logged
    assert "follow has been silent" in request.cause.reason
    assert (receipt.verdict, receipt.text) == ("refused", "this is a dry run")
    assert (bench.pace.is_paused, core.getProperty("Lamp", "Intensity")) == (False, before)


def test_a_goodbye_ends_a_pause_for_silence(core: Any) -> None:
    bench = Bench(core, on_silence="pause", silence_s=1.0)
    bench.lose_sight_of("follow")
    assert bench.pace.is_paused

    bench.ask(Alive(is_last=True), who="follow")
    bench.desk.watch()

    assert not bench.pace.is_paused


def test_in_a_dry_run_controllers_neither_pause_nor_abort(core: Any) -> None:
    bench = Bench(core, dry_run=True)

    verdicts = [bench.ask(action, who="stop-when").verdict for action in (Pause(), Abort(), Skip())]

    assert verdicts == ["dry-run"] * 3
    assert not bench.pace.is_paused and not bench.aborted.is_set()
    assert bench.ask(Pause(), who=OPERATOR).is_done and bench.pace.is_paused


def test_a_flood_does_not_fill_the_log(core: Any) -> None:
    bench = Bench(core, actions_per_s=10.0)

    for _ in range(3):
        for number in range(500):
            bench.take(SetInterval(interval_ms=100.0), id=f"{bench.clock.monotonic_ns()} {number}", who="flood")
            bench.desk.serve(0.0)
        bench.clock.advance(ms=1001)

    bench.desk.close()
    rules = [receipt.rule for _, receipt in bench.logged]
    assert len(bench.receipts) == 1500
    assert rules.count("actions_per_s") == 2
    assert rules.count("") == 30
    assert bench.left_out[-1] == 3 * 490 - 2


def test_what_is_refused_again_and_again_is_logged_once_a_minute_with_how_often(core: Any) -> None:
    # `event-rate` disarmed at ten results a second: 254 MB a day of the same words.
    bench = Bench(core, armed=False)

    for number in range(60 * 10 + 1):
        bench.take(SetInterval(interval_ms=100.0), id=f"event-rate {number}", who="event-rate")
        if number % 100 == 0:
            bench.take(MoveXY(x_um=1.0, y_um=0.0), id=f"hunt {number}", who="hunt")
        bench.clock.advance(ms=100)
        bench.desk.watch()

    assert [request.id for request, _ in bench.logged] == ["event-rate 0", "hunt 0", "event-rate 599", "hunt 500"]
    assert bench.left_out == [None, None, 598, 4]
    assert [receipt.verdict for receipt in bench.receipts] == ["refused"] * (601 + 7)


def test_the_rest_of_what_was_refused_again_and_again_is_logged_at_the_end(core: Any) -> None:
    bench = Bench(core, armed=False)
    for number in range(5):
        bench.take(SetInterval(interval_ms=100.0), id=str(number))

    bench.desk.close()
    bench.desk.close()

    assert [(request.id, receipt.text) for request, receipt in bench.logged] == [
        (id, "the microscope is disarmed; `stentor arm` lets requests through") for id in ("0", "4")
    ]
    assert bench.left_out == [None, 3]


def test_what_is_refused_for_another_reason_or_after_a_quiet_minute_is_logged_at_once(core: Any) -> None:
    bench = Bench(core)
    bench.ask(MoveXY(x_um=5000.0, y_um=0.0))
    bench.ask(MoveXY(x_um=0.0, y_um=float("nan")))
    bench.ask(SetProperty(device="Camera", property="Binning", value=2))
    bench.clock.advance(ms=60_000)
    bench.ask(MoveXY(x_um=6000.0, y_um=0.0))

    assert [receipt.rule for _, receipt in bench.logged] == ["x_um", "y_um", "devices", "x_um"]
    assert bench.left_out == [None] * 4
