"""Chosen cells are lit at the time point at which they were chosen, before the next image."""

import signal
from typing import Any

import pytest

import stentor
from stentor.core.action import GoOn, ProjectMask
from stentor.record.decisions import Decision, read_decisions

CONFIG = """
plan = [{{ stage = "normalise" }}, {{ stage = "segment", model = "nuclei" }}, {{ stage = "measure" }}]

[rig.simulated]
width = 256
height = 256

[acquisition]
mode = "adaptive"
rate_hz = 5.0
exposure_ms = 20.0
barrier = {{ controller = "stimulate", timeout_s = {timeout_s} }}

[guard]
armed = true
devices = ["SLM"]

[[controller]]
kind = "stimulate"
which = "area_um2 > 150"
duration_s = 0.01
preset = "Stimulation"
"""


def decisions(rig: Any) -> list[Decision]:
    return [decision for log in rig.state.rglob("decisions.sqlite") for decision in read_decisions(log)]


def test_cells_are_lit_between_the_image_they_were_chosen_on_and_the_next(rig: Any) -> None:
    process = rig.start(CONFIG.format(timeout_s=5.0))
    with stentor.Listener(delivery="record", name="test", idle_timeout_s=30) as results:
        frames = {result.frame.sequence: result.frame for result, _ in zip(results, range(12), strict=False)}
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 30)

    assert summary["outcomes"]["failed"] == 0
    lit = {
        d.cause.frame_id.sequence: d for d in decisions(rig) if isinstance(d.action, ProjectMask) and d.cause.frame_id
    }
    assert {d.verdict for d in lit.values()} == {"done"}
    pairs = [(lit[n], frames[n + 1]) for n in sorted(lit) if n + 1 in frames]
    assert len(pairs) >= 8
    for decision, following in pairs:
        assert following.exposure_end_ns is not None and decision.done_ns is not None
        assert following.exposure_end_ns - 20e6 > decision.done_ns
    overdue = [d for d in decisions(rig) if isinstance(d.action, GoOn)]
    assert overdue == []


def test_a_controller_that_never_decides_costs_time_and_nothing_else(rig: Any) -> None:
    text = CONFIG.format(timeout_s=0.5).replace(
        'kind = "stimulate"\nwhich = "area_um2 > 150"', 'kind = "raises-always"'
    )
    text = text.replace('duration_s = 0.01\npreset = "Stimulation"\n', "").replace('"stimulate"', '"raises-always"')
    process = rig.start(text)
    overdue = rig.wait_for(lambda: [d for d in decisions(rig) if isinstance(d.action, GoOn)][2:])
    so_far = rig.results_so_far()
    rig.wait_for(lambda: rig.results_so_far() > so_far + 3)
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 30)

    assert summary["outcomes"]["failed"] == 0
    assert "nobody decided in time" in overdue[0].cause.reason
    gap_s = (overdue[-1].wall_ns - overdue[0].wall_ns) / 1e9 / max(1, len(overdue) - 1) if len(overdue) > 1 else 0.5
    assert gap_s == pytest.approx(0.5, abs=0.3)
