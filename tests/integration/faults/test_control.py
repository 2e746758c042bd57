"""Whoever decides badly, falls silent or dies: the microscope does what its settings say, and the frames go on."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import stentor
from stentor.client.commands import ask
from stentor.client.operator import describe
from stentor.control.admission import OPERATOR
from stentor.core.action import Action, Arm, Cause, MoveXY, Pause, Request, Resume
from stentor.record.decisions import Decision, read_decisions
from stentor.wire.platforms import system_clock
from stentor.wire.request import ScopeLink

CONFIG = """
plan = [{{ stage = "quality" }}]

[rig.simulated]
width = 256
height = 256
stage_speed_um_per_s = 500.0

[acquisition]
mode = "adaptive"
rate_hz = 10.0
exposure_ms = 10.0

[guard]
armed = true
x_um = [-300.0, 300.0]
y_um = [-300.0, 300.0]
silence_s = 1.5
{guard}

{controllers}
"""

MOVE_AND_VANISH = """
import os, time
from stentor.core.action import Cause, MoveXY, Request
from stentor.wire.platforms import system_clock
from stentor.wire.request import ScopeLink
clock, link = system_clock(), ScopeLink()
asked = Request(id="vanished", action=MoveXY(x_um=200.0, y_um=0.0), cause=Cause(controller="script"),
                issued_ns=clock.monotonic_ns(), clock_id=clock.clock_id)
while not link.tell(asked):
    time.sleep(0.01)
time.sleep(0.1)  # the move takes 0.4 s
os._exit(9)
"""


def config(controller: str = "", guard: str = "") -> str:
    controllers = f'[[controller]]\nkind = "{controller}"\n' if controller else ""
    return CONFIG.format(guard=guard, controllers=controllers)


def decisions(rig: Any) -> list[Decision]:
    return [decision for log in rig.state.rglob("decisions.sqlite") for decision in read_decisions(log)]


def started(rig: Any, text: str) -> Any:
    process = rig.start(text)
    rig.wait_for(lambda: rig.results_so_far() > 2)
    return process


def ended(rig: Any, process: Any) -> dict[str, Any]:
    process.send_signal(signal.SIGINT)
    summary: dict[str, Any] = rig.finish(process, 30)
    assert summary["returncode"] == 0, summary["stderr"]
    assert summary["outcomes"]["failed"] == 0
    return summary


def first(rig: Any, wanted: Callable[[Decision], bool], timeout_s: float = 20.0) -> Decision:
    found: Decision = rig.wait_for(lambda: next(filter(wanted, decisions(rig)), None), timeout_s)
    return found


def is_of_guard(action: type[Action]) -> Callable[[Decision], bool]:
    return lambda decision: decision.cause.controller == "guard" and isinstance(decision.action, action)


def test_a_daemon_that_stands_still_pauses_the_microscope_until_it_moves_again(rig: Any) -> None:
    process = started(rig, config(guard='on_silence = "pause"'))
    time.sleep(0.5)  # a sign of life or two
    daemon = rig.pid_of("daemon")

    os.kill(daemon, signal.SIGSTOP)
    stopped_ns = time.time_ns()
    try:
        paused = first(rig, is_of_guard(Pause))
    finally:
        os.kill(daemon, signal.SIGCONT)
    resumed = first(rig, is_of_guard(Resume))

    assert (paused.wall_ns - stopped_ns) / 1e9 < 2.0
    assert "daemon has been silent" in paused.cause.reason
    assert resumed.wall_ns > paused.wall_ns
    so_far = rig.results_so_far()
    rig.wait_for(lambda: rig.results_so_far() > so_far + 3)
    ended(rig, process)


def test_a_stage_that_hangs_is_silence_too(rig: Any) -> None:
    told = rig.folder / "told"
    hanging = config(guard='on_silence = "pause"').replace(
        '{ stage = "quality" }', f'{{ stage = "told", file = "{told}" }}'
    )
    process = started(rig, f"{hanging}\n[analysis]\nhang_timeout_s = 5.0\n")
    time.sleep(0.5)

    began_ns = time.time_ns()
    told.write_text("hang")
    paused = first(rig, is_of_guard(Pause))

    assert (paused.wall_ns - began_ns) / 1e9 < 2.5  # a tenth for the next frame
    first(rig, is_of_guard(Resume), timeout_s=60)  # the daemon was started again
    process.send_signal(signal.SIGINT)
    rig.finish(process, 30)


def test_a_controller_that_hangs_leaves_the_microscope_safe(rig: Any) -> None:
    process = started(
        rig, config("hangs", 'on_silence = "safe"\nsafe = { "Lamp.Intensity" = 0.0 }\ndevices = ["Lamp"]')
    )

    last = first(rig, lambda decision: decision.cause.controller == "hangs")
    paused = first(rig, is_of_guard(Pause))

    assert (paused.wall_ns - last.wall_ns) / 1e9 < 4.0  # a few results after the first move, then the silence
    with stentor.connect() as script:
        refused = script.set_property("Lamp", "Intensity", 60.0)
        assert (refused.verdict, refused.rule) == ("refused", "armed"), "safe until an operator says otherwise"
        with stentor.connect(controller=OPERATOR) as operator:
            assert operator.do(Arm()).is_done
        lamp = script.set_property("Lamp", "Intensity", 0.0)
        assert lamp.read_back["x_um"] == pytest.approx(1.0, abs=2.5)
    ended(rig, process)


def test_a_controller_that_dies_is_started_again_and_frames_go_on(rig: Any) -> None:
    process = started(rig, config("dies"))

    rig.wait_for(lambda: len({decision.id for decision in decisions(rig)}) > 8)  # four a life
    so_far = rig.results_so_far()
    rig.wait_for(lambda: rig.results_so_far() > so_far + 5)

    summary = ended(rig, process)
    assert "controller-dies died with code 3" in summary["stderr"]


def test_a_script_that_ends_says_goodbye_and_one_that_crashes_is_missed(rig: Any) -> None:
    process = started(rig, config(guard='on_silence = "pause"'))

    with pytest.raises(SystemExit), stentor.connect() as script:
        assert script.alive().is_done
        sys.exit(0)
    time.sleep(2.5)  # longer than silence_s
    after_the_end = describe("default")
    with pytest.raises(ZeroDivisionError), stentor.connect() as script:
        script.alive()
        1 / 0  # noqa: B018
    rig.wait_for(lambda: describe("default").get("paused"))

    assert after_the_end == {"armed": True, "dry_run": False, "paused": False}
    assert describe("default")["held_up_by"] == "script"
    ended(rig, process)


def test_the_acquisition_goes_on_without_a_daemon_that_was_asked_to_end(rig: Any) -> None:
    process = started(rig, config(guard='on_silence = "pause"'))

    said = ask("stop-daemon", "default").text
    time.sleep(2.5)  # longer than silence_s

    assert "goes on" in said
    assert not describe("default")["paused"]
    process.send_signal(signal.SIGINT)
    assert rig.finish(process, 30)["returncode"] == 0


def test_what_is_no_number_moves_nothing(rig: Any) -> None:
    process = started(rig, config("asks-nonsense"))

    refused = first(rig, lambda decision: decision.verdict == "refused")

    assert "nan" in refused.text
    with stentor.connect() as script:
        here = script.set_exposure(10.0)
    assert here.read_back["x_um"] == pytest.approx(1.0, abs=2.5)
    ended(rig, process)


def test_a_controller_that_always_raises_is_named_once_and_hurts_nobody(rig: Any) -> None:
    process = started(rig, config("raises-always"))
    so_far = rig.results_so_far()
    rig.wait_for(lambda: rig.results_so_far() > so_far + 20)

    summary = ended(rig, process)

    assert summary["stderr"].count("controller raises-always could not decide") == 1
    assert "did not end within" not in summary["stderr"], "its last word waits for nobody, so that it can close"


def test_a_flood_of_requests_is_refused_and_the_frames_go_on(rig: Any) -> None:
    process = started(rig, config())
    link, clock = ScopeLink(), system_clock()
    before, began_s = rig.results_so_far(), time.monotonic()

    for count in range(3000):
        asked = Request(
            id=f"flood {count}", action=MoveXY(x_um=count % 2, y_um=0.0), cause=Cause(controller="flood"),
            issued_ns=clock.monotonic_ns(), clock_id=clock.clock_id,
        )  # fmt: skip
        link.tell(asked)
        time.sleep(max(0.0, began_s + count / 1000 - time.monotonic()))
    link.close()
    flooded_s, results = time.monotonic() - began_s, rig.results_so_far() - before

    log = decisions(rig)
    summary = ended(rig, process)
    assert {decision.guard_rule for decision in log if decision.verdict == "refused"} >= {"actions_per_s"}
    assert sum(decision.verdict == "done" for decision in log) <= 50 * (flooded_s + 1)
    # Moves of 70 ms and images of 10 ms share the time; before there was a share, there were no images at all.
    assert results > 2.5 * flooded_s, "fewer than a quarter of ten images a second"
    assert summary["outcomes"]["seen"] >= results


def test_a_script_that_vanishes_in_mid_move_leaves_a_finished_move_behind(rig: Any) -> None:
    process = started(rig, config())

    vanished = rig.spawn(sys.executable, "-c", MOVE_AND_VANISH)
    assert vanished.wait(20) == 9

    done = first(rig, lambda decision: decision.id == "vanished")
    assert done.verdict == "done"
    assert done.read_back["x_um"] == pytest.approx(200.0, abs=1.0)
    with stentor.connect() as script:
        assert script.move_xy(0.0, 0.0).is_done  # nobody waits for the dead
    ended(rig, process)


def test_what_a_device_refuses_has_failed_and_says_why(rig: Any) -> None:
    process = started(rig, config(guard='devices = ["Lamp"]'))

    with stentor.connect() as script:
        refused = script.set_property("Lamp", "Intensity", "bright")
        afterwards = script.set_exposure(20.0)

    assert refused.verdict == "failed"
    assert "Intensity" in refused.text
    assert afterwards.is_done
    ended(rig, process)


def test_a_drive_that_does_not_arrive_has_failed_and_says_where_it_stands(rig: Any) -> None:
    process = started(rig, config().replace("stage_speed_um_per_s = 500.0", "stage_speed_um_per_s = 20.0"))

    with stentor.connect() as script:
        late = script.move_xy(200.0, 0.0, timeout_s=20)  # 10 s of way; Micro-Manager waits 5 s
        so_far = rig.results_so_far()
        rig.wait_for(lambda: rig.results_so_far() > so_far + 3)
        again = script.set_exposure(10.0)
        back = script.move_xy(180.0, 0.0, timeout_s=20)

    assert late.verdict == "failed"
    assert "timed out" in late.text.lower()
    assert again.is_done
    assert back.is_done and back.read_back["x_um"] == pytest.approx(180.0, abs=2.5)
    ended(rig, process)


def test_a_killed_scope_spends_no_budget_twice(rig: Any) -> None:
    process = started(rig, config(guard="dose = { budget_uj = 300.0 }"))  # thirty images of 10 ms at 1 mW

    os.kill(rig.pid_of("scope"), signal.SIGKILL)
    first(rig, lambda decision: decision.guard_rule == "dose", timeout_s=40)
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 30)

    # What was booked and not yet imaged when it died stays booked.
    assert 27 <= summary["outcomes"]["seen"] <= 30


def test_an_abort_in_a_nested_sequence_ends_it_within_an_image(rig: Any) -> None:
    process = started(rig, config())
    planes = [{"z_pos": 0.5 * plane, "exposure": 200.0} for plane in range(20)]

    with stentor.connect(controller=OPERATOR) as script:
        assert script.acquire(*planes).is_done
        script.wait_for({"asked": 2}, timeout_s=10)
        aborted_s = time.monotonic()
        assert script.abort(reason="enough").is_done
    summary = rig.finish(process, 30)

    assert time.monotonic() - aborted_s < 8  # all twenty would have had results before; the end itself takes a while
    assert summary["returncode"] == 0
    assert not [result for result in decisions(rig) if result.verdict == "failed"]
    asked = [decision for decision in decisions(rig) if type(decision.action).__name__ == "Acquire"]
    assert len(asked) == 1


def test_a_disarmed_microscope_obeys_nobody_but_those_who_make_it_quieter(rig: Any) -> None:
    process = started(rig, config().replace("armed = true", "armed = false"))

    with stentor.connect() as script:
        moved, armed, paused = script.move_xy(5.0, 0.0), script.do(Arm()), script.pause()

    assert (moved.verdict, moved.rule) == ("refused", "armed")
    assert (armed.verdict, armed.rule) == ("refused", "armed")
    assert paused.is_done
    ended(rig, process)
