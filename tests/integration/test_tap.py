"""Taps in programs of their own: what the host does stays as it is, and every frame of it is accounted for."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stentor.wire import rendezvous

ROOT = Path(__file__).resolve().parents[2]
TAP_RIG = 'plan = [{stage = "quick"}]\n[rig]\nkind = "tap"\n'

PYCROMANAGER = """
import json, os, sys, threading
import mm_test_adapters, stentor
from pycromanager import Acquisition, start_headless
folder = mm_test_adapters.device_adapter_path()
start_headless(folder, os.path.join(folder, "MMConfig_demo.cfg"), python_backend=True, buffer_size_mb=256)
tap = stentor.PycromanagerTap()
assert tap.wait_until_ready(40), tap.problem
events = [{"axes": {"time": n}, "exposure": 10} for n in range(int(sys.argv[1]))]
said = {}

def leave():
    said["settled"] = tap.close(10)
    print(json.dumps(said), flush=True)
    os._exit(0)  # a core that Python takes down at exit may end in SIGABRT
"""

PLUS = """
import json, os, sys, threading
import mm_test_adapters, pymmcore_plus, stentor, useq
from pymmcore_plus import CMMCorePlus
pymmcore_plus.configure_logging(stderr_level="ERROR")
folder = mm_test_adapters.device_adapter_path()
core = CMMCorePlus.instance()
core.setDeviceAdapterSearchPaths([folder])
tap = stentor.PymmcorePlusTap()
said = {}

def mda(loops, exposure_ms, interval_s=0):
    channel = {"config": "DAPI", "exposure": exposure_ms}
    core.mda.run(useq.MDASequence(time_plan={"interval": interval_s, "loops": loops}, channels=[channel]))

def load():
    core.loadSystemConfiguration(os.path.join(folder, "MMConfig_demo.cfg"))

def leave():
    said["settled"] = tap.close(10)
    print(json.dumps(said), flush=True)
    os._exit(0)
"""


class Hosts:
    """Starts programs with a tap beside a daemon that waits for one."""

    def __init__(self, rig: Any, config: str = TAP_RIG) -> None:
        self.rig = rig
        self.launcher = rig.start(config)
        rig.wait_for(lambda: rendezvous.find(rendezvous.DEFAULT_NAME))

    def start(self, code: str, *arguments: str) -> Any:
        return self.rig.spawn(sys.executable, "-c", code, *arguments)

    def run(self, code: str, *arguments: str, timeout_s: float = 90) -> dict[str, Any]:
        return self.heard(self.start(code, *arguments), timeout_s)

    def heard(self, process: Any, timeout_s: float = 90) -> dict[str, Any]:
        out, err = process.communicate(timeout=timeout_s)
        assert process.returncode == 0 and out.strip(), err
        said: dict[str, Any] = json.loads(out.splitlines()[-1])
        return said

    def end(self) -> dict[str, Any]:
        self.launcher.send_signal(signal.SIGINT)
        summary: dict[str, Any] = self.rig.finish(self.launcher, 20)
        outcomes = summary["outcomes"]
        assert outcomes["seen"] == sum(outcomes[n] for n in ("result", "late", "dropped", "failed", "unused")), summary
        assert summary["exit_code"] == 0
        assert self.rig.leftovers() == []
        return summary


@pytest.fixture
def hosts(rig: Any) -> Hosts:
    return Hosts(rig)


@pytest.mark.parametrize(
    "way",
    ["image_process_fn=tap.process", "image_saved_fn=tap.saved", "image_saved_fn=tap.saved, directory=sys.argv[2]"],
)
def test_a_burst_of_500_is_complete_and_every_frame_is_seen(hosts: Hosts, tmp_path: Path, way: str) -> None:
    code = f"""{PYCROMANAGER}
with Acquisition({way}) as acquisition:
    acquisition.acquire(events)
said["saved"] = len(acquisition.get_dataset().get_image_coordinates_list())
leave()
"""
    said = hosts.run(code, "500", str(tmp_path))
    summary = hosts.end()

    assert said == {"saved": 500, "settled": True}
    assert [(run["seen"], run["ended"]) for run in summary["runs"]] == [(500, "completed")]
    assert set(summary["reasons"]) <= {"dropped(superseded)", "dropped(overwritten)"}


def test_a_wrapped_processor_keeps_its_arguments_and_its_answers(hosts: Hosts) -> None:
    code = f"""{PYCROMANAGER}
def swallow(image, metadata):
    return None

def whiten(image, metadata):
    image[:] = 7
    return image, metadata

class Chooser:
    def __call__(self, image, metadata, event_queue):
        said["queue"] = type(event_queue).__name__
        return image, metadata

for fn in (swallow, whiten, Chooser()):
    with Acquisition(image_process_fn=tap.wrap(fn)) as acquisition:
        acquisition.acquire(events)
        if fn is swallow:
            acquisition.mark_finished()
    dataset = acquisition.get_dataset()
    kept = dataset.get_image_coordinates_list()
    said[getattr(fn, "__name__", "chooser")] = len(kept)
    if fn is whiten:
        said["white"] = all(int(dataset.read_image(**axes).max()) == 7 for axes in kept)
leave()
"""
    said = hosts.run(code, "20")
    summary = hosts.end()

    assert said == {
        "swallow": 0, "whiten": 20, "white": True, "chooser": 20, "queue": "EventQueue", "settled": True,
    }  # fmt: skip
    assert [(run["seen"], run["ended"]) for run in summary["runs"]] == 3 * [(20, "completed")]


def test_a_killed_daemon_is_found_again_within_a_second_and_the_run_goes_on(hosts: Hosts) -> None:
    code = f"""{PYCROMANAGER}
with Acquisition(image_process_fn=tap.process) as acquisition:
    acquisition.acquire(events)
said["saved"] = len(acquisition.get_dataset().get_image_coordinates_list())
leave()
"""
    host = hosts.start(code, "1500")
    rig = hosts.rig
    rig.wait_for(lambda: rig.results_so_far() > 50)

    os.kill(rig.pid_of("daemon"), signal.SIGKILL)
    rig.wait_for(lambda: rendezvous.find(rendezvous.DEFAULT_NAME) is None)
    rig.wait_for(lambda: rendezvous.find(rendezvous.DEFAULT_NAME))
    back = time.monotonic()
    rig.wait_for(lambda: (status := rig.status()) is not None and status.producers == ("camera",), 2.0)
    found_again_s = time.monotonic() - back
    said = hosts.heard(host)
    summary = hosts.end()

    assert said == {"saved": 1500, "settled": True}
    assert found_again_s < 1.0
    assert [(run["seen"], run["ended"]) for run in summary["runs"]] == [(1500, "completed")]
    assert summary["reasons"]["dropped(no-daemon)"] > 0


def test_a_host_without_a_daemon_notices_nothing(rig: Any) -> None:
    code = f"""{PYCROMANAGER.replace("assert tap.wait_until_ready(40), tap.problem", "")}
with Acquisition(image_process_fn=tap.process) as acquisition:
    acquisition.acquire(events)
said["saved"] = len(acquisition.get_dataset().get_image_coordinates_list())
said["result"] = tap.results(0.1)
leave()
"""
    host = rig.spawn(sys.executable, "-c", code, "50")

    out, err = host.communicate(timeout=60)

    assert json.loads(out.splitlines()[-1]) == {"saved": 50, "result": None, "settled": False}, err
    assert "Traceback" not in err
    assert rig.leftovers() == []


def test_frames_that_grow_are_kept_and_colour_is_refused_by_name(hosts: Hosts) -> None:
    code = f"""{PLUS}
load()
core.setROI(100, 60, 64, 48)
tap.connect(core)
assert tap.wait_until_ready(40)
mda(3, 5)
core.clearROI()
mda(3, 5)
core.setProperty("Camera", "PixelType", "32bitRGB")
mda(3, 5)
leave()
"""
    hosts.run(code)
    summary = hosts.end()

    assert [run["seen"] for run in summary["runs"]] == [3, 3, 3]
    assert summary["outcomes"]["failed"] == 3
    assert any("is not one plane" in reason for reason in summary["reasons"])


def test_mdas_and_live_mode_of_a_core_that_is_connected_before_it_is_configured(hosts: Hosts) -> None:
    code = f"""{PLUS}
tap.connect(core)
load()
plan = {{"time_plan": {{"interval": 0, "loops": 8}}, "z_plan": {{"range": 4, "step": 2}}}}
core.mda.run(useq.MDASequence(channels=["DAPI"], **plan))
assert tap.wait_until_ready(40)
mda(500, 10)
core.mda.events.frameReady.connect(lambda image, event: event.index["t"] == 3 and core.mda.cancel())
mda(50, 5, interval_s=0.05)
leave()
"""
    said = hosts.run(code)
    summary = hosts.end()

    assert said["settled"]
    assert [(run["seen"], run["ended"]) for run in summary["runs"][:2]] == [(24, "completed"), (500, "completed")]
    assert summary["runs"][2]["ended"] == "aborted" and 4 <= summary["runs"][2]["seen"] < 50
    assert set(summary["reasons"]) <= {"dropped(superseded)", "dropped(overwritten)", "dropped(no-daemon)"}


def test_live_mode_is_sampled_and_no_image_is_taken_from_who_shows_it(hosts: Hosts) -> None:
    code = f"""{PLUS}
load()
tap.connect(core)
assert tap.wait_until_ready(40)
core.setExposure(10)
numbers, pause = [], threading.Event()
core.startContinuousSequenceAcquisition(0)
while len(numbers) < 200:
    if core.getRemainingImageCount() > 1:  # one is left for looking at
        numbers.append(int(core.popNextImageAndMD()[1]["ImageNumber"]))
    else:
        pause.wait(0.002)
core.stopSequenceAcquisition()
said["all"] = numbers == list(range(200))
tap.disconnect()
core.startContinuousSequenceAcquisition(0)
pause.wait(0.5)
core.stopSequenceAcquisition()
tap.connect(core)
mda(3, 5)
leave()
"""
    said = hosts.run(code)
    summary = hosts.end()

    assert said == {"all": True, "settled": True}
    live, mda = summary["runs"]
    assert 15 <= live["seen"] <= 60 and live["ended"] == "completed"
    assert 120 <= live["missing_camera_frames"] + live["seen"] <= 205
    assert (mda["seen"], mda["missing_camera_frames"]) == (3, 0)


def test_results_come_back_into_the_host(hosts: Hosts) -> None:
    code = f"""{PYCROMANAGER}
times = []
with Acquisition(image_process_fn=tap.process) as acquisition:
    for event in events:
        acquisition.acquire(event)
        times.append(tap.results(5.0).frame.axes["time"])
said["times"] = times
said["none"] = tap.results(0.05)
leave()
"""
    said = hosts.run(code, "20")
    hosts.end()

    assert said == {"times": list(range(20)), "none": None, "settled": True}


def test_a_tap_rig_is_checked_and_stopped_and_refuses_a_number_of_frames(rig: Any) -> None:
    path = rig.write("tap.toml", TAP_RIG)
    checked = rig.command("check", str(path))
    out, _ = checked.communicate(timeout=60)
    assert checked.returncode == 0, out

    refused = rig.command("run", str(path), "--frames", "5")
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 3 and "leave it out" in err

    launcher = rig.start(TAP_RIG)
    rig.wait_for(lambda: rendezvous.find(rendezvous.DEFAULT_NAME))
    stopped = rig.command("stop")
    out, _ = stopped.communicate(timeout=30)
    assert "the program with the tap goes on" in out
    assert rig.finish(launcher, 20)["returncode"] == 0


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / "docs/how-to" / page).read_text(), re.MULTILINE | re.DOTALL
    )


def test_the_adaptive_script_of_the_docs_sees_through_stentor(rig: Any) -> None:
    (config,), (script,) = blocks("adaptive-pycromanager.md", "toml"), blocks("adaptive-pycromanager.md", "python")
    launcher = rig.start(config)
    rig.wait_for(lambda: rendezvous.find("eyes"))

    host = rig.spawn(sys.executable, "-u", "-c", script)
    out, err = host.communicate(timeout=120)
    assert host.returncode == 0, err

    launcher.send_signal(signal.SIGINT)
    summary = rig.finish(launcher, 20)
    counts = re.findall(r"^frame (\d+): (\d+) objects", out, re.MULTILINE)
    assert [int(frame) for frame, _ in counts] == list(range(10)), out
    assert (summary["outcomes"]["seen"], summary["outcomes"]["result"]) == (10, 10)


BEFORE = {
    "PycromanagerTap": """
import os, mm_test_adapters, stentor
from pycromanager import Acquisition, multi_d_acquisition_events, start_headless
folder = mm_test_adapters.device_adapter_path()
start_headless(folder, os.path.join(folder, "MMConfig_demo.cfg"), python_backend=True)
""",
    "PymmcorePlusTap": """
import os, mm_test_adapters, stentor, useq
from pymmcore_plus import CMMCorePlus
folder = mm_test_adapters.device_adapter_path()
core = CMMCorePlus.instance()
core.setDeviceAdapterSearchPaths([folder])
core.loadSystemConfiguration(os.path.join(folder, "MMConfig_demo.cfg"))
""",
}


@pytest.mark.parametrize("example", blocks("tap.md", "python"), ids=list(BEFORE))
def test_the_examples_of_the_tap_page_run(rig: Any, example: str) -> None:
    (name,) = (name for name in BEFORE if name in example)
    launcher = rig.start(TAP_RIG.replace("plan", 'name = "scope1"\nplan', 1))
    rig.wait_for(lambda: rendezvous.find("scope1"))

    host = rig.spawn(sys.executable, "-c", f"{BEFORE[name]}\n{example}\nos._exit(0)")
    _, err = host.communicate(timeout=90)

    assert host.returncode == 0, err
    launcher.send_signal(signal.SIGINT)
    assert rig.finish(launcher, 20)["outcomes"]["seen"] == 20
