"""Gatekeeper: what the guard refuses an acquisition stands in the decision log, and a flood of it in few rows."""

from collections.abc import Iterator
from typing import Any

import pytest
import useq

from stentor.control.settings import DoseSettings, GuardSettings
from stentor.core.action import Receipt, Request
from stentor.core.clock import FakeClock
from stentor.scope.hands.opening import Hands
from stentor.scope.simulated.core import open_simulated_core
from stentor.scope.simulated.settings import SimulatedSettings


@pytest.fixture(scope="module")
def core() -> Iterator[Any]:
    core = open_simulated_core(SimulatedSettings(width=128, height=128))
    yield core
    core.close()


def test_an_event_that_the_guard_refuses_is_in_the_decision_log(core: Any) -> None:
    logged: list[tuple[Request, Receipt]] = []
    settings = GuardSettings(x_um=(-100.0, 100.0), dose=DoseSettings(budget_uj=15.0))
    hands = Hands(
        settings, core, FakeClock(), journal=None, abort=lambda: None,
        log=lambda request, receipt: logged.append((request, receipt)),
    )  # fmt: skip
    outside, inside = useq.MDAEvent(index={"t": 3}, x_pos=500), useq.MDAEvent(exposure=10)

    admitted = [hands.gatekeeper.admits_event(event) for event in (outside, inside, inside, inside, inside)]

    assert admitted == [False, True, False, False, False]
    assert [receipt.rule for _, receipt in logged] == ["x_um", "dose"]
    (request, receipt), _ = logged
    assert request.cause.controller == "acquisition"
    assert request.cause.reason == "event {'t': 3}"
    assert (receipt.verdict, receipt.text) == ("refused", "x_um = 500 is outside -100 to 100")
    assert hands.gatekeeper.refused == 4
