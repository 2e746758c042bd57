"""Gathered groups of a real acquisition: whole or accounted for, however slow the analysis is."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import stentor

POSITIONS, TIMES, PLANES = 3, 8, 3
GROUP = 2 * PLANES
TABLES = f"""
[gather]
channels = ["DAPI", "FITC"]
z_planes = {PLANES}
"""


@pytest.fixture
def interleaved(rig: Any) -> str:
    """Path of a useq file: 3 positions, 8 time points, 2 channels, 3 z-planes, one group of 6 images after another."""
    path = rig.write(
        "interleaved.yaml",
        f"""
axis_order: tpcz
stage_positions: [{{x: 0, y: 0, z: 0}}, {{x: 100, y: 0, z: 0}}, {{x: 0, y: 100, z: 0}}]
time_plan: {{interval: 0, loops: {TIMES}}}
channels: [{{config: DAPI, exposure: 5}}, {{config: FITC, exposure: 5}}]
z_plan: {{range: 2, step: 1}}
""",
    )
    return str(path)


def by_group(rig: Any) -> dict[int, Counter[tuple[str, str]]]:
    """The outcomes of every group, by its place in the acquisition."""
    (path,) = rig.state.rglob("ledger.sqlite")
    rows = sqlite3.connect(path).execute("SELECT sequence, outcome, detail FROM frames").fetchall()
    groups: dict[int, Counter[tuple[str, str]]] = {}
    for sequence, outcome, detail in rows:
        groups.setdefault(sequence // GROUP, Counter())[outcome, detail or ""] += 1
    return groups


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_three_interleaved_positions_give_whole_groups_that_add_up(
    rig: Any, demo: Callable[..., str], interleaved: str, seconds: float
) -> None:
    plan = f'[[plan]]\nstage = "sleeps"\nseconds = {seconds}\n'

    summary = rig.run(demo(interleaved, plan=plan, more=TABLES), timeout_s=90)

    groups = by_group(rig)
    assert summary["outcomes"]["seen"] == POSITIONS * TIMES * GROUP
    assert len(groups) == POSITIONS * TIMES
    assert all(len(outcomes) == 1 and outcomes.total() == GROUP for outcomes in groups.values()), groups
    met = {outcome for outcomes in groups.values() for outcome in outcomes}
    assert met <= {("result", ""), ("dropped", "superseded")}
    assert ("dropped", "superseded") in met or not seconds


def test_images_lost_on_the_way_fail_their_group_by_name(rig: Any, demo: Callable[..., str], interleaved: str) -> None:
    tables = TABLES.replace('"FITC"', '"Cy5"')  # never comes: every group stays open

    summary = rig.run(demo(interleaved, more=tables), timeout_s=90)

    outcomes = summary["outcomes"]
    assert outcomes["unused"] == outcomes["failed"] == POSITIONS * TIMES * PLANES
    assert all("3 of 6 images" in reason for reason in summary["reasons"])


def test_a_result_names_its_images_in_order(rig: Any, demo: Callable[..., str], interleaved: str) -> None:
    with stentor.Listener(name="saver", delivery="record", images=("frame",), idle_timeout_s=20.0) as listener:
        process = rig.start(
            demo(interleaved, plan='[[plan]]\nstage = "quick"\n', more=f'{TABLES}[publish]\nwait_for = ["saver"]\n')
        )
        first = next(iter(listener))
        process.communicate(timeout=60)

    assert [member.sequence for member in first.header.members] == list(range(GROUP))
    assert (first.frame.channel, first.frame.z, first.frame.t, first.frame.p) == ("DAPI", 1, 0, 0)
    assert first.image("frame") is not None
