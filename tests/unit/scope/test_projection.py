"""A mask drawn on a frame lights what lay under it, for its moment, and nothing else."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from stentor.control.settings import DoseSettings, GuardSettings
from stentor.core.action import Action, Cause, ProjectMask, PulseShutter, Receipt, Request
from stentor.core.clock import FakeClock
from stentor.core.mask import pack_mask
from stentor.scope.between import LivePace
from stentor.scope.hands.opening import Hands
from stentor.scope.rig import Rig, open_rig
from stentor.scope.settings import ProjectorSettings, RigSettings
from stentor.scope.simulated.settings import SimulatedSettings

SIDE = 256


class Bench:
    """A simulated microscope with its guarded hands."""

    def __init__(
        self, projector: ProjectorSettings | None = None, *, journal: Path | None = None, **guard: Any
    ) -> None:
        simulated = SimulatedSettings(width=SIDE, height=SIDE, filter_ms=0, settle_ms=0, time_scale=0, world_fields=1)
        self.rig: Rig = open_rig(RigSettings(simulated=simulated))
        self.specimen = self.rig.core.microscope.specimen  # type: ignore[attr-defined]
        self.hands = Hands(
            GuardSettings(**{"armed": True, "devices": ("SLM",), **guard}),
            self.rig.core,
            FakeClock(),
            journal=journal,
            abort=lambda: None,
            log=lambda request, receipt: None,
            projector=projector or self.rig.settings.projector,
        )
        self.hands.desk.course = LivePace(1.0)
        self.asked = 0

    def ask(self, action: Action) -> Receipt:
        receipts: list[Receipt] = []
        self.asked += 1
        cause = Cause(controller="stimulate")
        self.hands.desk.take(Request(id=str(self.asked), action=action, cause=cause, issued_ns=0, clock_id="fake"),
                             receipts.append)  # fmt: skip
        self.hands.desk.serve(0.0)
        return receipts[0]

    def nuclei_px(self) -> NDArray[np.float64]:
        """Column and row of every nucleus, in pixels of the whole chip."""
        return self.specimen.population.position_um / 0.65 + (SIDE - 1) / 2

    @property
    def lit(self) -> NDArray[np.bool_]:
        return np.asarray(self.specimen.population.stimulated_s > 0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.rig.close()


def discs(places_px: NDArray[np.float64], shape_yx: tuple[int, int], radius_px: float) -> NDArray[np.bool_]:
    row, column = np.mgrid[: shape_yx[0], : shape_yx[1]]
    away = [np.hypot(column - x, row - y) <= radius_px for x, y in places_px]
    return np.any(away, axis=0) if away else np.zeros(shape_yx, bool)


def action(mask_yx: NDArray[np.bool_], **more: Any) -> ProjectMask:
    facts = {"duration_ms": 20.0, "preset": "Stimulation", **more}
    return ProjectMask(mask=pack_mask(mask_yx), shape_yx=mask_yx.shape, **facts)


def test_the_nuclei_under_the_mask_are_lit_and_no_others(bench: Bench) -> None:
    places = bench.nuclei_px()
    inside = np.all((places > 20) & (places < SIDE - 20), axis=1)
    chosen = np.flatnonzero(inside)[:3]
    mask_yx = discs(places[chosen], (SIDE, SIDE), 4.0)

    receipt = bench.ask(action(mask_yx))

    assert receipt.is_done, receipt
    under = np.array([mask_yx[round(y), round(x)] for x, y in places.clip(0, SIDE - 1)]) & np.all(
        (places >= 0) & (places <= SIDE - 1), axis=1
    )
    assert np.array_equal(bench.lit, under)
    assert bench.lit[chosen].all() and bench.lit.sum() < len(places) / 2
    dose_s = bench.specimen.population.stimulated_s[chosen]
    assert dose_s.min() >= 0.019


def test_a_binned_crop_means_the_same_places_on_the_chip(bench: Bench) -> None:
    places = bench.nuclei_px()
    x, y = places[np.all((places > 90) & (places < 200), axis=1)][0]
    mask_yx = discs(np.array([[(x + 0.5) / 2 - 0.5 - 40, (y + 0.5) / 2 - 0.5 - 30]]), (64, 64), 2.5)

    receipt = bench.ask(action(mask_yx, roi_xy_px=(40, 30), binning=2))

    assert receipt.is_done, receipt
    assert bench.lit.any()
    assert np.hypot(*(places[bench.lit] - (x, y)).T).max() < 8


def test_afterwards_it_is_dark_and_the_channel_is_what_it_was(bench: Bench) -> None:
    receipt = bench.ask(action(np.ones((SIDE, SIDE), bool)))

    assert receipt.read_back["channel"] == "DAPI"
    assert not bench.rig.core.getSLMImage("SLM").any()
    assert not bench.rig.core.getShutterOpen()


def test_a_device_that_fails_in_between_leaves_it_dark(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def jam(*args: Any) -> None:
        raise RuntimeError("the shutter is stuck")

    monkeypatch.setattr(bench.rig.core, "setShutterOpen", jam)

    receipt = bench.ask(action(np.ones((SIDE, SIDE), bool)))

    assert (receipt.verdict, "stuck" in receipt.text) == ("failed", True)
    assert not bench.rig.core.getSLMImage("SLM").any()
    assert bench.rig.core.getCurrentConfig("Channel") == "DAPI"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at_um": (5.0, 0.0)}, "has moved 5.0 um"),
        ({"mask": b"nonsense"}, "cannot be unpacked"),
        ({"preset": "Stimulus"}, "Stimulation"),
        ({"device": "SLN"}, "SLM"),
        ({"duration_ms": float("nan")}, "nan"),
        ({"duration_ms": 1e9}, "outside"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nobody_is_lit(bench: Bench, change: dict[str, Any], words: str) -> None:
    receipt = bench.ask(structs.replace(action(np.ones((SIDE, SIDE), bool)), **change))

    assert receipt.verdict == "refused"
    assert words in receipt.text
    assert not bench.lit.any()


def test_an_slm_that_is_not_on_the_list_or_not_calibrated_shows_nothing() -> None:
    for bench, words in (
        (Bench(devices=()), "SLM is not on the list"),
        (Bench(ProjectorSettings()), "not calibrated"),
    ):
        receipt = bench.ask(action(np.ones((SIDE, SIDE), bool)))

        assert receipt.verdict == "refused"
        assert words in receipt.text
        bench.rig.close()


def test_the_light_of_a_mask_counts() -> None:
    bench = Bench(dose=DoseSettings(budget_uj=100.0, power_mw={"*": 1.0, "Stimulation": 10.0}))

    first, second = (bench.ask(action(np.ones((SIDE, SIDE), bool), duration_ms=8.0)) for _ in range(2))

    assert first.is_done
    assert (second.verdict, second.rule) == ("refused", "dose")
    assert "20 uJ are left" in second.text
    bench.rig.close()


def test_light_that_no_preset_describes_is_not_exchanged_for_one_without_a_way_back(bench: Bench) -> None:
    core = bench.rig.core
    core.defineConfig("Channel", "DAPI", "Lamp", "Intensity", 80)
    core.setProperty("Lamp", "Intensity", 79.0)

    receipt = bench.ask(action(np.ones((SIDE, SIDE), bool)))

    assert (receipt.verdict, receipt.rule) == ("refused", "request")
    assert "no preset of Channel describes the light as it is now" in receipt.text
    assert not bench.lit.any()


def test_a_mask_too_wide_to_be_warped_is_refused(bench: Bench) -> None:
    receipt = bench.ask(action(np.ones((1, 40_000), bool)))

    assert (receipt.verdict, receipt.rule) == ("refused", "request")
    assert "at most 32767 a side" in receipt.text


def test_a_shutter_that_does_not_close_after_a_pulse_is_left_to_close_by_itself(bench: Bench) -> None:
    core = bench.rig.core
    set_open = core.setShutterOpen

    def stick(label: str, is_open: bool) -> None:
        set_open(label, is_open)
        if not is_open:
            raise RuntimeError("the shutter sticks")

    core.setShutterOpen = stick  # type: ignore[method-assign]
    receipt = bench.ask(PulseShutter(duration_ms=1.0))
    del core.setShutterOpen  # type: ignore[method-assign]

    assert (receipt.verdict, receipt.text) == ("failed", "the shutter sticks")
    assert core.getAutoShutter()


def test_without_a_budget_an_account_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    for budget_uj, verdict in ((None, "done"), (1e6, "refused")):
        bench = Bench(
            dose=DoseSettings(budget_uj=budget_uj, specimen=f"{budget_uj}"), journal=tmp_path / "light.sqlite"
        )
        with sqlite3.connect(tmp_path / "light.sqlite", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")

            receipt = bench.ask(PulseShutter(duration_ms=1.0))

            other.execute("ROLLBACK")
        assert receipt.verdict == verdict, receipt
        bench.rig.close()
