"""Requests reach the simulated microscope through the guard, and only through it."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

import stentor
from stentor.client.microscope import ConnectedMicroscope
from stentor.client.operator import describe
from stentor.control.admission import OPERATOR
from stentor.core.action import Arm
from stentor.record.decisions import read_decisions

CONFIG = """
plan = [{ stage = "quality" }]

[rig.simulated]
width = 256
height = 256

[acquisition]
mode = "adaptive"
rate_hz = 10.0
exposure_ms = 10.0

[guard]
x_um = [-200.0, 200.0]
devices = ["Lamp"]
"""


@pytest.fixture
def microscope(rig: Any) -> Iterator[ConnectedMicroscope]:
    """An adaptive acquisition on the simulated microscope, armed."""
    process = rig.start(CONFIG)
    rig.wait_for(lambda: rig.results_so_far() > 2)
    with stentor.connect(controller=OPERATOR) as connected:
        assert connected.do(Arm()).is_done
        yield connected
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 30)
    assert summary["outcomes"]["failed"] == 0
    assert summary["returncode"] == 0


def test_a_move_is_done_and_read_back_and_the_next_frames_know_it(microscope: Any) -> None:
    receipt = microscope.move_xy(30.0, -20.0)

    assert receipt.is_done, receipt
    assert receipt.read_back["x_um"] == pytest.approx(30.0, abs=0.5)
    assert receipt.received_ns <= receipt.started_ns <= receipt.done_ns
    result = microscope.wait_for()
    assert result.frame.received_ns - result.frame.exposure_ms * 1e6 >= receipt.done_ns
    assert result.frame.stage.x_um == pytest.approx(30.0, abs=0.5)


def test_the_guard_says_how_it_stands(microscope: Any) -> None:
    before = describe("default")
    microscope.pause()
    paused = describe("default")
    microscope.resume()

    assert before == {"armed": True, "dry_run": False, "paused": False}
    assert paused["paused"] is True


def test_outside_the_limits_nothing_moves(microscope: Any) -> None:
    before = microscope.move_xy(10.0, 10.0).read_back

    refused = microscope.move_xy(201.0, 0.0)

    assert (refused.verdict, refused.rule) == ("refused", "x_um")
    assert "outside -200 to 200" in refused.text
    assert microscope.set_exposure(10.0).read_back["x_um"] == before["x_um"]


def test_the_same_request_twice_is_done_once(microscope: Any) -> None:
    start = microscope.move_xy(0.0, 0.0).read_back

    first = microscope.move_xy(5.0, 0.0, relative=True, id="one step")
    again = microscope.move_xy(5.0, 0.0, relative=True, id="one step")

    assert again == first
    assert microscope.set_exposure(10.0).read_back["x_um"] == pytest.approx(start["x_um"] + 5.0, abs=0.5)


def test_an_interval_acts_at_the_next_time_point(microscope: Any) -> None:
    assert microscope.set_interval(0.5).is_done
    first = microscope.wait_for({"t": microscope.wait_for().frame.t + 1}, timeout_s=3)
    second = microscope.wait_for({"t": first.frame.t + 1}, timeout_s=3)

    gap_s = (second.frame.received_ns - first.frame.received_ns) / 1e9
    assert gap_s == pytest.approx(0.5, abs=0.15)


def test_an_event_asked_for_comes_before_the_next_time_point(microscope: Any) -> None:
    microscope.set_interval(2.0)

    receipt = microscope.acquire({"channel": "Phase", "exposure": 5.0, "x_pos": 12.0, "y_pos": 0.0})
    result = microscope.wait_for({"asked": 0}, timeout_s=5)

    assert receipt.is_done
    assert result.frame.channel == "Phase"
    assert (result.frame.received_ns - receipt.done_ns) / 1e9 < 1.0


def test_positions_are_visited_in_the_order_asked_for(microscope: Any) -> None:
    assert microscope.visit([(-40.0, 0.0), (40.0, 0.0)]).is_done
    left = microscope.wait_for({"p": 0}, timeout_s=5)
    while abs((left.frame.stage.x_um or 0) + 40) > 1:
        left = microscope.wait_for({"p": 0}, timeout_s=5)

    right = microscope.wait_for({"p": 1}, timeout_s=5)

    assert right.frame.stage.x_um == pytest.approx(40.0, abs=0.5)


def test_paused_nothing_is_imaged_until_it_goes_on(microscope: Any) -> None:
    assert microscope.pause().is_done

    # What was on its way still comes, at ten a second otherwise without end.
    late = [result for _ in range(5) if (result := microscope.results(1.0)) is not None]

    assert len(late) < 5
    assert microscope.resume().is_done
    assert microscope.results(3.0) is not None


def test_every_decision_is_in_the_log(microscope: Any, rig: Any) -> None:
    seen = microscope.wait_for()
    microscope.move_z(2.0, because=seen, rule="sharper", reason="the image is blurred")
    microscope.move_xy(1e6, 0.0, because=seen)

    (log,) = rig.state.rglob("decisions.sqlite")
    arm, move, refused = read_decisions(log)

    assert type(arm.action).__name__ == "Arm"
    assert (move.verdict, move.cause.rule, move.cause.reason) == ("done", "sharper", "the image is blurred")
    assert move.cause.frame_id == seen.frame.frame_id
    assert move.reaction_ms is not None and 0 < move.reaction_ms < 5000
    assert (refused.verdict, refused.guard_rule) == ("refused", "x_um")


def test_a_nested_sequence_elsewhere_leaves_the_acquisition_where_it_was(microscope: Any) -> None:
    here = microscope.move_xy(0.0, 0.0).read_back
    stack = {"channels": ["Phase"], "z_plan": {"range": 2.0, "step": 1.0}}

    receipt = microscope.acquire(sequence=stack, at_um=[(50.0, 0.0), (-50.0, 0.0)])
    first = int(receipt.read_back["asked"])
    nested = [microscope.wait_for({"asked": first + n}, timeout_s=10) for n in range(6)]
    after = microscope.wait_for({"t": microscope.wait_for().frame.t + 1}, timeout_s=5)

    assert receipt.read_back["images"] == 6
    assert [round(result.frame.stage.x_um) for result in nested] == [50, 50, 50, -50, -50, -50]
    assert {result.frame.channel for result in nested} == {"Phase"}
    assert after.frame.channel == "DAPI"
    assert after.frame.stage.x_um == pytest.approx(here["x_um"], abs=0.5)
    assert after.frame.stage.z_um == pytest.approx(here["z_um"], abs=0.2)


def test_a_script_that_dawdles_still_gets_what_it_asked_for(microscope: Any) -> None:
    receipt = microscope.acquire({"exposure": 20.0})
    time.sleep(1.0)  # ten newer results

    assert microscope.wait_for({"asked": receipt.read_back["asked"]}, timeout_s=1.0).frame.exposure_ms == 20.0
