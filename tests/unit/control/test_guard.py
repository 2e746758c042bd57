"""Guard: no sequence of requests and events leads past a limit or the light budget."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetValue, Standing
from stentor.control.dose import NOWHERE, DoseAccount, Tile
from stentor.control.guard import Guard, after
from stentor.control.settings import DoseSettings, GuardSettings, PropertyLimits, ZBox

BUDGET_UJ = 1000.0
SETTINGS = GuardSettings(
    x_um=(-200.0, 200.0),
    y_um=(-200.0, 200.0),
    z_um=(-50.0, 50.0),
    z_boxes=(ZBox(x_um=(50.0, 100.0), y_um=(-200.0, 200.0), z_um=(-50.0, 0.0)),),
    exposure_ms=(1.0, 500.0),
    devices=("Lamp",),
    properties={"Lamp.Intensity": PropertyLimits(range=(0.0, 80.0))},
    dose=DoseSettings(budget_uj=BUDGET_UJ, power_mw={"DAPI": 2.0, "*": 0.5}, lamp="Lamp.Intensity"),
)

numbers = st.integers(-25, 25).map(lambda tens: 10.0 * tens) | st.floats(allow_nan=True, allow_infinity=True)
places = st.none() | numbers
drives = st.builds(Drive, x_um=places, y_um=places, z_um=st.none() | st.integers(-6, 6).map(lambda tens: 10.0 * tens))
calls = st.one_of(
    drives,
    drives,
    st.builds(Expose, duration_ms=st.floats(-10, 600), count=st.integers(1, 3)),
    st.builds(SetValue, device=st.just("Lamp"), property=st.just("Intensity"), value=numbers | st.just("dark")),
    st.builds(
        ApplyPreset, group=st.just("Channel"), preset=st.sampled_from(["DAPI", "Phase"]), is_channel=st.just(True)
    ),
)
requests = st.lists(st.tuples(st.lists(calls, min_size=1, max_size=2), st.booleans()), max_size=60)


class Hardware:
    """Does what it is told, axes in any order, and remembers every place on the way and all light by its own count."""

    def __init__(self) -> None:
        self.standing = Standing(x_um=0.0, y_um=0.0, z_um=0.0, channel="DAPI", values={"Lamp.Intensity": 80.0})
        self.light_uj: dict[tuple[float, float], float] = {}
        self.corners: list[Standing] = []

    def do(self, call: DeviceCall, order: random.Random) -> None:
        if isinstance(call, Drive):
            axes = [axis for axis in ("x_um", "y_um", "z_um") if getattr(call, axis) is not None]
            order.shuffle(axes)
            for axis in axes:
                before = self.standing
                self.standing = after(self.standing, Drive(**{axis: getattr(call, axis)}))
                self.corners += _way(before, self.standing)
        else:
            self.standing = after(self.standing, call)
        if isinstance(call, Expose):
            lamp = float(self.standing.values["Lamp.Intensity"]) / 100
            power_mw = {"DAPI": 2.0}.get(str(self.standing.channel), 0.5)
            place = (self.standing.x_um or 0.0, self.standing.y_um or 0.0)
            self.light_uj[place] = self.light_uj.get(place, 0.0) + lamp * power_mw * call.duration_ms * call.count


def _way(start: Standing, end: Standing, points: int = 25) -> list[Standing]:
    def between(a: float | None, b: float | None, share: float) -> float:
        return (a or 0.0) * (1 - share) + (b or 0.0) * share

    return [
        Standing(
            x_um=between(start.x_um, end.x_um, i / points),
            y_um=between(start.y_um, end.y_um, i / points),
            z_um=between(start.z_um, end.z_um, i / points),
        )
        for i in range(points + 1)
    ]


@settings(max_examples=300)
@given(requests=requests, seed=st.integers(0, 2**16))
def test_no_sequence_leads_the_hardware_outside_the_limits_or_past_the_budget(
    requests: list[tuple[list[DeviceCall], bool]], seed: int
) -> None:
    order = random.Random(seed)
    hardware = Hardware()
    guard = Guard(SETTINGS, DoseAccount(SETTINGS.dose, received_uj={}, field_um=100.0), hardware.standing)

    for together, is_planned in requests:
        if guard.admit(together, is_planned=is_planned) is None:
            for call in together:
                hardware.do(call, order)

    for place in hardware.corners:
        x, y, z = place.x_um or 0.0, place.y_um or 0.0, place.z_um or 0.0
        assert -200 <= x <= 200 and -200 <= y <= 200 and -50 <= z <= 50
        assert not (50 <= x <= 100) or z <= 1e-9
    assert 0 <= float(hardware.standing.values["Lamp.Intensity"]) <= 80
    spent = list(hardware.light_uj.items())
    for (x, y), _ in spent:
        # Everything that lit this very point: images whose middle is less than half a field away.
        assert sum(uj for (u, v), uj in spent if abs(u - x) <= 50 and abs(v - y) <= 50) <= BUDGET_UJ + 1e-6


@pytest.mark.parametrize(
    "place", [(5.0, float("nan")), (float("nan"), 5.0), (5.0, float("inf")), (None, 5.0), (2e9, 0.0)]
)
def test_light_at_no_place_counts_nowhere(place: tuple[float | None, float | None]) -> None:
    account = DoseAccount(SETTINGS.dose, received_uj={}, field_um=100.0)

    assert account.tiles(*place) == (NOWHERE,)


def test_a_lamp_below_zero_gives_no_light_back() -> None:
    account = DoseAccount(SETTINGS.dose, received_uj={}, field_um=100.0)

    assert account.energy_uj(10.0, "DAPI", -50.0) == 0.0


@pytest.mark.parametrize("text", ["0_5", "1e3", " 5", "full", "٣"])
def test_a_lamp_whose_value_devices_read_otherwise_counts_as_full(text: str) -> None:
    account = DoseAccount(SETTINGS.dose, received_uj={}, field_um=100.0)

    assert account.energy_uj(10.0, "DAPI", text) == 20.0


@given(requests=requests, cut=st.integers(0, 40))
def test_a_restart_spends_the_budget_no_second_time(requests: list[tuple[list[DeviceCall], bool]], cut: int) -> None:
    journal: dict[Tile, float] = {}

    def guard_after_a_restart() -> Guard:
        account = DoseAccount(SETTINGS.dose, received_uj=dict(journal), field_um=100.0, write=journal.update)
        return Guard(SETTINGS, account, Hardware().standing)

    guard = guard_after_a_restart()
    for index, (together, is_planned) in enumerate(requests):
        guard = guard_after_a_restart() if index == cut else guard
        guard.admit(together, is_planned=is_planned)

    assert all(uj <= BUDGET_UJ + 1e-6 for uj in journal.values())


def make_guard(**dose: float) -> Guard:
    settings = GuardSettings(dose=DoseSettings(power_mw={"*": 1.0}, **dose))  # type: ignore[arg-type]
    return Guard(settings, DoseAccount(settings.dose, received_uj={}, field_um=100.0), Standing(x_um=0.0, y_um=0.0))


def test_calls_that_belong_together_are_allowed_together_or_not_at_all() -> None:
    guard = make_guard(budget_uj=100.0)

    refusal = guard.admit([Drive(x_um=500.0), Expose(duration_ms=60.0), Expose(duration_ms=60.0)])

    assert refusal is not None and refusal.rule == "dose"
    assert guard.standing.x_um == 0.0
    assert guard.admit([Drive(x_um=500.0), Expose(duration_ms=100.0)]) is None


def test_a_refusal_says_how_much_light_is_left() -> None:
    guard = make_guard(budget_uj=100.0)
    guard.admit([Expose(duration_ms=70.0)])

    refusal = guard.judge([Expose(duration_ms=31.0)])

    assert refusal is not None
    assert "70 of 100 uJ are spent; at most 30 uJ are left" in refusal.text


def test_a_small_step_aside_gives_no_new_budget() -> None:
    guard = make_guard(budget_uj=100.0)
    guard.admit([Expose(duration_ms=100.0)])

    assert guard.judge([Drive(x_um=20.0), Expose(duration_ms=1.0)]) is not None
    assert guard.judge([Drive(x_um=400.0), Expose(duration_ms=1.0)]) is None


def test_a_channel_that_fits_no_preset_counts_as_the_brightest() -> None:
    powers = {"DAPI": 2.0, "*": 0.5}
    account = DoseAccount(DoseSettings(power_mw=powers), received_uj={}, field_um=100.0)

    assert account.energy_uj(10.0, "DAPI", None) == 20.0
    assert account.energy_uj(10.0, "Phase", None) == 5.0
    assert account.energy_uj(10.0, None, None) == 20.0


@pytest.mark.parametrize("far_um", [1e300, -1e300, 1e15, 2.0**63 * 50])
def test_light_at_a_place_beyond_all_reason_is_counted_where_a_journal_can_keep_it(far_um: float) -> None:
    account = DoseAccount(DoseSettings(), received_uj={}, field_um=100.0)

    tiles = account.tiles(far_um, 0.0)

    assert tiles == (NOWHERE,)


def test_light_at_an_unknown_place_has_an_account_of_its_own() -> None:
    settings = DoseSettings(budget_uj=100.0)
    guard = Guard(
        GuardSettings(dose=settings), DoseAccount(settings, received_uj={}, field_um=100.0), Standing(channel="A")
    )

    assert guard.admit([Expose(duration_ms=100.0)]) is None
    assert guard.admit([Expose(duration_ms=1.0)]) is not None


def test_light_at_an_unknown_place_may_have_been_anywhere() -> None:
    settings = DoseSettings(budget_uj=100.0)
    account = DoseAccount(settings, received_uj={(0, 0): 70.0, NOWHERE: 20.0}, field_um=10.0)

    assert account.allows({(0, 0): 10.0}) and not account.allows({(0, 0): 11.0})
    assert account.allows({(9, 9): 80.0}) and not account.allows({(9, 9): 81.0})
    assert account.allows({NOWHERE: 10.0}) and not account.allows({NOWHERE: 11.0})
    assert not account.allows({(9, 9): 50.0, NOWHERE: 31.0})


def test_light_that_cannot_be_written_down_is_not_spent() -> None:
    def full(totals: Mapping[Tile, float]) -> None:
        raise OSError("no space left on device")

    settings = DoseSettings(budget_uj=100.0)
    account = DoseAccount(settings, received_uj={}, field_um=100.0, write=full)
    guard = Guard(GuardSettings(dose=settings), account, Standing())

    with pytest.raises(OSError, match="no space"):
        guard.admit([Expose(duration_ms=10.0)])

    assert account.received_uj(None, None) == 0.0
