"""Limits: what the guard refuses, and in which words."""

import math

import pytest

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetTime, SetValue, Standing, Unbounded
from stentor.control.limits import breach_of
from stentor.control.settings import DoseSettings, GuardSettings, PropertyLimits, ZBox

HERE = Standing(x_um=0.0, y_um=0.0, z_um=5.0, channel="DAPI", values={"Lamp.Intensity": 50.0})
SETTINGS = GuardSettings(
    x_um=(-100.0, 100.0),
    y_um=(-100.0, 100.0),
    z_um=(0.0, 50.0),
    xy_step_um=80.0,
    z_step_um=10.0,
    exposure_ms=(1.0, 200.0),
    devices=("Filters",),
    properties={
        "Lamp.Intensity": PropertyLimits(range=(0.0, 80.0), step=40.0),
        "Lamp.Mode": PropertyLimits(values=("On", "Off")),
    },
    presets={"Channel": (), "Objective": ("10x",)},
)


@pytest.mark.parametrize(
    "call",
    [
        Drive(x_um=80.0),
        Drive(x_um=48.0, y_um=-64.0),
        Drive(z_um=15.0),
        Expose(duration_ms=200.0),
        SetTime(exposure_ms=1.0, interval_ms=100.0),
        SetValue(device="Lamp", property="Intensity", value="80"),
        SetValue(device="Lamp", property="Mode", value="Off"),
        SetValue(device="Filters", property="Label", value="anything"),
        ApplyPreset(group="Channel", preset="Phase"),
        ApplyPreset(group="Objective", preset="10x"),
    ],
)
def test_what_keeps_within_the_limits_is_allowed(call: DeviceCall) -> None:
    assert breach_of(SETTINGS, call, HERE, is_planned=False) is None


@pytest.mark.parametrize(
    ("call", "rule", "words"),
    [
        (Drive(x_um=100.1), "x_um", "outside -100 to 100"),
        (Drive(y_um=-101.0), "y_um", "outside -100 to 100"),
        (Drive(z_um=math.nan), "z_um", "is no number"),
        (Drive(z_um=math.inf), "z_um", "is no number"),
        (Drive(x_um=60.0, y_um=60.0), "xy_step_um", "at most 80 um at once"),
        (Drive(z_um=15.1), "z_step_um", "at most 10 um at once"),
        (Expose(duration_ms=201.0), "exposure_ms", "outside 1 to 200"),
        (Expose(duration_ms=math.nan), "exposure_ms", "is no number"),
        (SetTime(exposure_ms=0.5), "exposure_ms", "outside 1 to 200"),
        (SetTime(interval_ms=0.0), "interval_ms", "outside 1 to"),
        (SetValue(device="Lamp", property="Intensity", value=81.0), "Lamp.Intensity", "outside 0 to 80"),
        (SetValue(device="Lamp", property="Intensity", value=5.0), "Lamp.Intensity", "at most 40 at once"),
        (SetValue(device="Lamp", property="Intensity", value="full"), "Lamp.Intensity", "only plain decimal"),
        (SetValue(device="Lamp", property="Intensity", value="4_0"), "Lamp.Intensity", "only plain decimal"),
        (SetValue(device="Lamp", property="Intensity", value="4e1"), "Lamp.Intensity", "only plain decimal"),
        (SetValue(device="Lamp", property="Mode", value="Burn"), "Lamp.Mode", "allowed: On, Off"),
        (SetValue(device="Laser", property="Power", value=1.0), "devices", "allowed: Filters, Lamp.Intensity"),
        (ApplyPreset(group="System", preset="Shutdown"), "presets", "allowed: Channel, Objective"),
        (ApplyPreset(group="Objective", preset="100x"), "presets", "allowed: 10x"),
        (
            ApplyPreset(
                group="Channel", preset="Bright", settings=(SetValue(device="Lamp", property="Intensity", value=100.0),)
            ),
            "Lamp.Intensity",
            "outside 0 to 80",
        ),
    ],
)
def test_a_refusal_names_its_rule_and_what_would_be_allowed(call: DeviceCall, rule: str, words: str) -> None:
    breach = breach_of(SETTINGS, call, HERE, is_planned=False)

    assert breach is not None
    assert breach.rule == rule
    assert words in breach.text


def test_a_planned_event_may_go_further_and_set_what_the_operator_chose_but_not_past_the_limits() -> None:
    far = Standing(x_um=-100.0, y_um=0.0, z_um=0.0)
    chosen = SetValue(device="Laser", property="Power", value=1.0)

    assert breach_of(SETTINGS, Drive(x_um=100.0), far, is_planned=True) is None
    assert breach_of(SETTINGS, chosen, far, is_planned=True) is None
    assert breach_of(SETTINGS, Drive(x_um=101.0), far, is_planned=True) is not None


def test_a_step_from_an_unknown_place_is_refused() -> None:
    breach = breach_of(SETTINGS, Drive(x_um=1.0), Standing(), is_planned=False)

    assert breach is not None and breach.rule == "xy_step_um"


RING = GuardSettings(z_boxes=(ZBox(x_um=(50.0, 60.0), y_um=(0.0, 100.0), z_um=(-10.0, 0.0)),))


@pytest.mark.parametrize(
    ("call", "now", "is_allowed"),
    [
        (Drive(x_um=55.0, y_um=50.0), Standing(x_um=0.0, y_um=50.0, z_um=0.0), True),
        (Drive(x_um=55.0, y_um=50.0), Standing(x_um=0.0, y_um=50.0, z_um=1.0), False),
        # Past the ring, through it.
        (Drive(x_um=90.0), Standing(x_um=0.0, y_um=50.0, z_um=1.0), False),
        # Around it, says the straight line; x and y move on their own, says the stage.
        (Drive(x_um=55.0, y_um=-50.0), Standing(x_um=0.0, y_um=50.0, z_um=1.0), False),
        (Drive(x_um=40.0), Standing(x_um=0.0, y_um=50.0, z_um=1.0), True),
        (Drive(z_um=1.0), Standing(x_um=55.0, y_um=50.0, z_um=0.0), False),
        (Drive(z_um=-1.0), Standing(x_um=55.0, y_um=50.0, z_um=5.0), True),
        (Drive(x_um=40.0), Standing(x_um=55.0, y_um=50.0, z_um=5.0), False),
        # Both at once, in an order nobody knows: neither the height before nor that after may collide.
        (Drive(x_um=55.0, z_um=0.0), Standing(x_um=0.0, y_um=50.0, z_um=5.0), False),
        (Drive(z_um=1.0), Standing(), False),
        (Drive(x_um=40.0), Standing(z_um=0.0), True),
        (Drive(x_um=40.0), Standing(), False),
    ],
)
def test_the_focus_stays_in_its_range_on_every_way_through_a_box(call: Drive, now: Standing, is_allowed: bool) -> None:
    assert (breach_of(RING, call, now, is_planned=False) is None) == is_allowed


@pytest.mark.parametrize(
    ("call", "settings", "rule"),
    [
        (Unbounded(reaches="z", what="an autofocus event"), GuardSettings(z_um=(0.0, 1.0)), "z_um"),
        (Unbounded(reaches="z", what="an autofocus event"), GuardSettings(), None),
        (Unbounded(reaches="light", what="keep_shutter_open"), GuardSettings(dose=DoseSettings(budget_uj=1.0)), "dose"),
        (Unbounded(reaches="light", what="keep_shutter_open"), GuardSettings(), None),
    ],
)
def test_what_has_no_bound_is_refused_where_there_is_a_limit(
    call: DeviceCall, settings: GuardSettings, rule: str | None
) -> None:
    refusal = breach_of(settings, call, Standing(), is_planned=True)

    assert (None if refusal is None else refusal.rule) == rule
