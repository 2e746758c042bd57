"""A model that sleeps, raises or ends its process leaves the acquisition complete, in order, without overflow."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("fault", ["sleeps", "raises", "exits"])
def test_a_broken_model_leaves_a_pycromanager_sequence_of_500_whole(
    rig: Any, demo: Callable[..., str], burst: str, fault: str
) -> None:
    plan = f'[[plan]]\nstage = "{fault}"\nevery = 3\n[analysis]\nhang_timeout_s = 1.0\n'

    summary = rig.run(demo(burst, plan=plan), timeout_s=90)

    (run,) = summary["runs"]
    outcomes = summary["outcomes"]
    assert (run["seen"], run["expected"], run["missing_camera_frames"], run["ended"]) == (500, 500, 0, "completed")
    assert outcomes["seen"] == sum(outcomes[n] for n in ("result", "late", "dropped", "failed", "unused"))
    assert outcomes["failed"] > 0
    assert rig.leftovers() == []


def test_a_stage_that_keeps_taking_the_daemon_down_is_quarantined(rig: Any) -> None:
    plan = '[[plan]]\nstage = "exits"\nevery = 2\n[[plan]]\nstage = "quick"\n'

    process = rig.start(plan)
    status = rig.wait_for(lambda: (s := rig.status()) is not None and s.quarantined and s.outcomes.result > 5 and s)

    assert status.quarantined == ("exits",)
    process.terminate()
    summary = rig.finish(process, 20)
    assert "the plan runs without it" in summary["stderr"]
