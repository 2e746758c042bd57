"""What a live controller decided is decided again from the session's own files, and a changed one is compared."""

import signal
from typing import Any

CONFIG = """
plan = [{ stage = "quality" }]

[rig.simulated]
width = 256
height = 256

[acquisition]
mode = "adaptive"
rate_hz = 10.0
exposure_ms = 10.0

[guard]
armed = true

[[controller]]
kind = "rule"
name = "slow down"
when = "t % 4 == 3"
then = [{ kind = "set-interval", interval_ms = 150.0 }]
otherwise = [{ kind = "set-interval", interval_ms = 100.0 }]
"""


def test_decisions_are_repeated_from_what_was_seen(rig: Any) -> None:
    process = rig.start(CONFIG)
    rig.wait_for(lambda: rig.results_so_far() > 30)
    process.send_signal(signal.SIGINT)
    assert rig.finish(process, 30)["outcomes"]["failed"] == 0
    (folder,) = (log.parent for log in rig.state.rglob("decisions.sqlite"))
    changed = rig.write("changed.toml", CONFIG.replace("t % 4 == 3", "t % 8 == 3"))

    same, _ = rig.command("replay", str(folder), "--controller", "slow down").communicate(timeout=60)
    differs, _ = rig.command("replay", str(folder), "--controller", "slow down", "--config", str(changed)).communicate(
        timeout=60
    )

    assert same.splitlines()[-1].endswith("different on 0"), same
    assert int(same.split(" requests then")[0].split()[-1]) >= 6
    assert "now:  nothing" in differs
