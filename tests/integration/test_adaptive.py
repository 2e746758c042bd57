"""A running acquisition takes new events, intervals, exposures and places, whichever engine runs it."""

import signal
from collections.abc import Iterator
from typing import Any

import mm_test_adapters
import pytest

import stentor
from stentor.client.microscope import ConnectedMicroscope
from stentor.core.errors import PublishError

DEMO = f"""
[rig]
kind = "micro-manager"
config_file = "MMConfig_demo.cfg"
adapter_path = "{mm_test_adapters.device_adapter_path()}"
"""
RIGS = {
    "simulated": "[rig.simulated]\nwidth = 256\nheight = 256\n",
    "DemoCamera by pycromanager": DEMO,
    "DemoCamera by pymmcore-plus": DEMO + 'engine = "pymmcore-plus"\n',
}
CONFIG = """
plan = [{ stage = "quality" }]

[acquisition]
mode = "adaptive"
rate_hz = 5.0
exposure_ms = 10.0

[guard]
armed = true
"""


@pytest.fixture(params=RIGS)
def microscope(request: pytest.FixtureRequest, rig: Any) -> Iterator[ConnectedMicroscope]:
    process = rig.start(CONFIG + RIGS[request.param])
    rig.wait_for(lambda: rig.results_so_far() > 2)
    with stentor.connect() as connected:
        yield connected
        if process.poll() is None:
            connected.abort()
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 30)
    assert summary["outcomes"]["failed"] == 0
    assert summary["returncode"] == 0


def test_a_running_acquisition_does_what_it_is_asked_at_the_next_frame(microscope: Any) -> None:
    def following(count: int) -> list[Any]:
        """The base images of the next time points."""
        now = microscope.wait_for().frame.t
        return [microscope.wait_for({"t": now + n}, timeout_s=5).frame for n in range(1, count + 1)]

    # An event comes at once although the next time point is far; afterwards the acquisition goes on.
    assert microscope.set_interval(3.0).is_done
    asked = microscope.acquire({"exposure": 15.0})
    between = microscope.wait_for({"asked": asked.read_back["asked"]}, timeout_s=2).frame
    assert between.exposure_ms == pytest.approx(15.0)
    assert (between.received_ns - asked.received_ns) / 1e9 < 1.0

    # A shorter interval need not wait for the long one to end; an exposure acts at the next image.
    assert microscope.set_interval(0.1).is_done
    exposed = microscope.set_exposure(12.0)
    assert exposed.read_back["exposure_ms"] == 12.0
    frames = following(3)
    assert [frame.exposure_ms for frame in frames[1:]] == pytest.approx([12.0, 12.0])
    assert (frames[-1].received_ns - exposed.done_ns) / 1e9 < 2.0

    # Places are added, put into another order, and left out.
    for places in ([(30.0, 0.0), (-30.0, 0.0)], [(-30.0, 0.0), (30.0, 0.0)], [(0.0, 0.0)]):
        assert microscope.visit(places).is_done
        start = microscope.wait_for().frame.t + 1
        seen = [microscope.wait_for({"t": start + 1, "p": p}, timeout_s=5).frame for p in range(len(places))]
        assert [frame.stage.x_um for frame in seen] == pytest.approx([x for x, _ in places], abs=1.0)


def test_it_can_be_extended_paused_and_ended(rig: Any) -> None:
    process = rig.start(CONFIG + RIGS["simulated"] + "\n", "--frames", "15")
    rig.wait_for(lambda: rig.results_so_far() > 2)
    with stentor.connect() as connected:
        assert connected.extend(5).is_done
        connected.wait_for({"t": 17}, timeout_s=10)
        assert connected.skip().is_done
    summary = rig.finish(process, 30)

    assert summary["outcomes"]["seen"] == 20
    with pytest.raises(PublishError, match="no daemon"):
        stentor.connect()
