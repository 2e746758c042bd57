"""Asked events: single ones, nested sequences, and at places; then the way back."""

from collections.abc import Iterator
from typing import Any

import pytest

from stentor.control.device_call import Standing
from stentor.control.dose import DoseAccount
from stentor.control.guard import Guard
from stentor.control.settings import GuardSettings
from stentor.core.action import Acquire
from stentor.core.errors import ConfigError
from stentor.scope.hands.asked_events import MOST, events_of
from stentor.scope.hands.detour import Detour
from stentor.scope.hands.drivers import Drivers
from stentor.scope.hands.whereabouts import Whereabouts
from stentor.scope.simulated.core import open_simulated_core
from stentor.scope.simulated.settings import SimulatedSettings

HERE = Standing(x_um=10.0, y_um=20.0, z_um=3.0)


@pytest.fixture(scope="module")
def core() -> Iterator[Any]:
    core = open_simulated_core(SimulatedSettings(width=128, height=128, settle_ms=0))
    yield core
    core.close()


def places(action: Acquire, core: Any) -> list[tuple[float | None, float | None, float | None]]:
    return [(event.x_pos, event.y_pos, event.z_pos) for event in events_of(action, core, HERE)]


def test_a_nested_stack_is_meant_around_where_the_focus_stands(core: Any) -> None:
    stack = {"z_plan": {"range": 2, "step": 1}}

    assert places(Acquire(sequence=stack), core) == [(10, 20, 2), (10, 20, 3), (10, 20, 4)]


def test_events_and_sequences_are_taken_at_every_place(core: Any) -> None:
    two = ((1.0, 2.0), (3.0, 4.0, 5.0))

    assert places(Acquire(events=({"exposure": 5.0},), positions_um=two), core) == [(1, 2, None), (3, 4, 5)]
    nested = Acquire(sequence={"channels": ["DAPI", "Phase"]}, positions_um=two)
    assert [(x, y) for x, y, _ in places(nested, core)] == [(1, 2), (1, 2), (3, 4), (3, 4)]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Acquire(), "nothing to acquire"),
        (Acquire(events=({"exposure": 1.0},), sequence={"channels": ["DAPI"]}), "not both"),
        (Acquire(events=({"exposure": "long"},)), "event 0 .* `exposure`: Input should be a valid number"),
        # Keys that useq passes over: the image was taken at the exposure of the acquisition.
        (Acquire(events=({"exposure_ms": 100.0},)), "unknown key `exposure_ms`; did you mean `exposure`?"),
        (Acquire(events=({}, {"exposur": 100})), "event 1 .* unknown key `exposur`; did you mean `exposure`?"),
        (Acquire(events=({"channel": {"config": "DAPI", "grup": "Channel"}},)), "did you mean `channel.group`?"),
        (Acquire(sequence={"zplan": {"range": 2, "step": 1}}), "unknown key `zplan`; did you mean `z_plan`?"),
        (Acquire(sequence={"z_plan": {"rnge": 2, "step": 1}}), "unknown key `z_plan.rnge`"),
        (Acquire(sequence={"channels": ["DAPY"]}), "DAPI"),
        (Acquire(events=({},) * 200, positions_um=((0.0, 0.0),) * 200), f"more than {MOST}"),
        (Acquire(events=({"keep_shutter_open": True},)), "keep_shutter_open"),
        (Acquire(sequence={"z_plan": {"range": 2, "step": 1}, "keep_shutter_open_across": "z"}), "keep_shutter_open"),
        (Acquire(events=({"action": {"type": "hardware_autofocus"}},)), "autofocus"),
        (Acquire(events=({"slm_image": {"data": [[1]], "device": "SLM"}},)), "slm_image"),
        (Acquire(events=({"roi": {"width": 8, "height": 8}},)), "roi"),
        (Acquire(events=({"min_start_time": 1e9},)), "a time"),
        (Acquire(events=({"min_start_time": float("nan")},)), "a time"),
        (Acquire(sequence={"time_plan": {"interval": 60, "loops": 3}}), "a time"),
        (Acquire(events=({"index": {"t": 2**70}},)), "an index"),
        (Acquire(events=({"properties": [["Lamp", "Intensity\0", 5]]},)), "no property"),
        (Acquire(events=({"properties": [["Lamp", "Intensity", [5]]]},)), "neither a number nor a text"),
        (Acquire(sequence={"time_plan": {"interval": 1, "loops": 10**9}}), f"more than {MOST}"),
        (Acquire(sequence={"z_plan": {"range": 1e12, "step": 1e-3}}), f"more than {MOST}"),
        (Acquire(sequence={"z_plan": {"range": float("nan"), "step": 1}}), "no useq-schema MDASequence"),
        (Acquire(sequence={"grid_plan": {"rows": 10**6, "columns": 10**6}}), f"more than {MOST}"),
        (Acquire(sequence={"time_plan": {"interval": 1, "duration": None}}), "no useq-schema MDASequence"),
        (
            Acquire(
                sequence={"stage_positions": [{"x": 0, "sequence": {"time_plan": {"interval": 1, "loops": 10**9}}}]}
            ),
            f"more than {MOST}",
        ),
        (Acquire(events=({"exposure": 1.0},), positions_um=((1.0,),)), "a position is"),
    ],
)
def test_what_cannot_be_imaged_is_refused_with_the_reason(core: Any, action: Acquire, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        events_of(action, core, HERE)


class Away:
    """A detour on a core, its guard, and how often headers were told to look again."""

    def __init__(self, core: Any, settings: GuardSettings) -> None:
        self.drivers = Drivers(core, [])
        account = DoseAccount(settings.dose, received_uj={}, field_um=80.0)
        self.guard = Guard(settings, account, self.drivers.standing())
        self.changes = 0
        whereabouts = Whereabouts(self.drivers, self.guard)
        self.detour = Detour(core, self.guard, self.drivers, whereabouts, on_change=self.note_change)

    def note_change(self) -> None:
        self.changes += 1


def test_a_channel_without_a_group_is_one_of_the_channel_group_whatever_its_name() -> None:
    core = open_simulated_core(SimulatedSettings(width=128, height=128))
    core.defineConfig("Fluo", "GFP", "Filters", "Label", "DAPI")
    core.setChannelGroup("Fluo")
    core.deleteConfigGroup("Channel")

    (event,) = events_of(Acquire(events=({"channel": "GFP"},)), core, HERE)

    assert event.channel is not None
    assert (event.channel.group, event.channel.config) == ("Fluo", "GFP")
    core.close()


def test_a_detour_leads_back_to_place_focus_and_channel(core: Any) -> None:
    away = Away(core, GuardSettings())
    core.setXYPosition(5.0, 6.0)
    core.waitForSystem()
    before = away.drivers.standing()

    away.detour.begin()
    core.setXYPosition(50.0, 60.0)
    core.setPosition(4.0)
    core.setConfig("Channel", "Phase")
    core.waitForSystem()
    away.detour.end()

    assert away.drivers.standing() == before
    assert away.changes == 1, "no event asked for the way back, so that headers must look where it led"


def test_a_way_back_that_failed_leaves_the_guard_with_what_the_drive_says(
    core: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # It was booked as done: light that followed counted where the drive was not.
    away = Away(core, GuardSettings())

    def refuse(call: Any) -> None:
        raise RuntimeError("the drive is stuck")

    away.detour.begin()
    core.setXYPosition(150.0, 0.0)
    core.waitForSystem()
    monkeypatch.setattr(away.drivers, "make", refuse)
    away.detour.end()

    assert away.guard.standing.x_um == pytest.approx(150.0, abs=0.5)
    assert "could not go back" in caplog.text
    core.setXYPosition(0.0, 0.0)
    core.waitForSystem()


def test_a_way_back_that_is_barred_is_said_and_nothing_moves(core: Any, caplog: pytest.LogCaptureFixture) -> None:
    away = Away(core, GuardSettings(x_um=(100.0, 200.0)))

    away.detour.begin()
    core.setXYPosition(150.0, 0.0)
    core.waitForSystem()
    away.detour.end()

    assert core.getXPosition() == pytest.approx(150.0, abs=0.5)
    assert "cannot go back" in caplog.text
    core.setXYPosition(0.0, 0.0)
    core.waitForSystem()
