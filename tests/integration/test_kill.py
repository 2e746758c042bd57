"""kill -9 of anything at any moment: no torn frame, nothing left behind, and a ledger whose sums are right.

STENTOR_KILLS sets how many kills of each kind are tried; a few by default, 50 before a release.
"""

import contextlib
import os
import random
import signal
import threading
from typing import Any

import pytest

KILLS = int(os.environ.get("STENTOR_KILLS", "3"))
LIVE = """
plan = [{stage = "quick"}]
[acquisition]
rate_hz = 50.0
exposure_ms = 5.0
[rig.simulated]
width = 256
height = 256
"""


@pytest.mark.timeout(60 + 12 * KILLS)
@pytest.mark.parametrize("victim", ["daemon", "scope", "consumer"])
def test_a_kill_leaves_nothing_behind_and_no_frame_unaccounted(rig: Any, victim: str) -> None:
    moments = random.Random(f"{victim}")
    pause = threading.Event()
    process = rig.start(LIVE)
    recorder = rig.recorder(idle_s=60)
    rig.wait_for(lambda: rig.results_so_far() > 3)

    for _ in range(KILLS):
        pause.wait(moments.uniform(0.05, 1.5))
        if victim == "consumer":
            recorder.kill()
            recorder.communicate()
            recorder = rig.recorder(idle_s=60)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rig.pid_of(victim), signal.SIGKILL)
        before = rig.results_so_far()
        rig.wait_for(lambda before=before: rig.results_so_far() > before, 60)

    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 20)
    outcomes = summary["outcomes"]
    assert outcomes["seen"] == sum(outcomes[n] for n in ("result", "late", "dropped", "failed", "unused")), summary
    assert all(run["seen"] > 0 for run in summary["runs"])
    assert set(summary["reasons"]) <= {
        "dropped(superseded)", "dropped(no-daemon)", "dropped(overwritten)", "failed(daemon: daemon-lost)",
    }  # fmt: skip
    assert rig.leftovers() == []


def test_a_daemon_that_cannot_start_again_ends_no_acquisition(rig: Any) -> None:
    # A controller that holds a device for itself, or a model that was taken away, is refused at the next start only.
    process = rig.start(LIVE)
    rig.wait_for(lambda: rig.results_so_far() > 3)
    (settings,) = rig.state.rglob("settings.json")
    as_they_were, scope = settings.read_bytes(), rig.pid_of("scope")

    settings.write_bytes(as_they_were.replace(b'"quick"', b'"quack"'))
    os.kill(rig.pid_of("daemon"), signal.SIGKILL)
    rig.wait_for(lambda: any(path.read_text().count("quack") > 2 for path in settings.parent.glob("*launcher*")))
    assert process.poll() is None
    settings.write_bytes(as_they_were)
    rig.wait_for(lambda: rig.results_so_far() > 3)

    assert rig.pid_of("scope") == scope
    process.send_signal(signal.SIGINT)
    assert rig.finish(process, 30)["returncode"] == 0
