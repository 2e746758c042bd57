"""A record consumer in another process receives every published result exactly once and in order."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

WAIT = '[publish]\nwait_for = ["saver"]\n'


def received(recorder: "subprocess.Popen[str]") -> list[tuple[str, int]]:
    """What it printed; the daemon has waited for its last acknowledgement, which comes after the print."""
    recorder.terminate()
    out, _ = recorder.communicate(timeout=60)
    return [(run, int(sequence)) for run, sequence in (line.split() for line in out.splitlines())]


def published(rig: Any) -> list[tuple[str, int]]:
    """The published frames in the order of publication, which is that of arrival within one position."""
    database = rig.ledger()._database
    rows = database.execute(
        "SELECT run, sequence FROM frames JOIN runs ON runs.id = run_id "
        "WHERE outcome IN ('result', 'late') ORDER BY received_ns + 1000 * published_us"
    ).fetchall()
    return [(run, int(sequence)) for run, sequence in rows]


def check(rig: Any, config: str, *arguments: str, seen: int) -> dict[str, int]:
    recorder = rig.recorder(idle_s=120)
    summary = rig.run(config, *arguments)

    outcomes: dict[str, int] = summary["outcomes"]
    assert outcomes["seen"] == seen, summary
    assert outcomes["seen"] == sum(outcomes[n] for n in ("result", "late", "dropped", "failed", "unused"))
    assert received(recorder) == published(rig)
    assert len(published(rig)) == outcomes["result"] + outcomes["late"] > 0
    assert rig.leftovers() == []
    return outcomes


def test_on_the_simulated_microscope(rig: Any) -> None:
    outcomes = check(rig, WAIT, "--frames", "50", seen=50)

    assert outcomes["failed"] == 0


def test_on_demo_camera_through_pycromanager_with_channels_planes_and_positions(
    rig: Any, demo: Callable[..., str], cube: str
) -> None:
    plan = '[[plan]]\nstage = "normalise"\n[[plan]]\nstage = "segment"\n[[plan]]\nstage = "measure"\n'

    check(rig, demo(cube, plan=plan, more=WAIT), seen=48)


@pytest.mark.parametrize("engine", ["pycromanager", "pymmcore-plus"])
def test_on_a_hardware_sequence_of_500_frames(rig: Any, demo: Callable[..., str], burst: str, engine: str) -> None:
    config = demo(burst, plan='[[plan]]\nstage = "quick"\n', more=WAIT).replace("[rig]", f'[rig]\nengine = "{engine}"')

    check(rig, config, seen=500)
