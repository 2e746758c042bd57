"""Two cameras behind one Multi Camera: a stream for each, every image with its own event and its own count."""

from pathlib import Path
from typing import Any

import mm_test_adapters
import pytest

import stentor

SEQUENCES = {
    "snaps": "time_plan: {interval: 0.02, loops: 3}\nchannels: [{config: DAPI}, {config: FITC}]",
    "burst": "time_plan: {interval: 0, loops: 40}\nchannels: [{config: DAPI, exposure: 5}]",
}


def two_cameras(rig: Any) -> Path:
    """A .cfg with a second DemoCamera and both behind a Multi Camera."""
    lines = (Path(mm_test_adapters.device_adapter_path()) / "MMConfig_demo.cfg").read_text().splitlines()
    after = {
        "Device,Camera,": ["Device,Right,DemoCamera,DCam", "Device,Multi,Utilities,Multi Camera"],
        "Property,Core,Initialize,1": [
            "Property,Right,PixelType,16bit",
            "Property,Right,BitDepth,16",
            "Property,Multi,Physical Camera 1,Camera",
            "Property,Multi,Physical Camera 2,Right",
        ],
    }
    made: list[str] = []
    for line in lines:
        made.append("Property,Core,Camera,Multi" if line.startswith("Property,Core,Camera,") else line)
        made += [more for start, added in after.items() if line.startswith(start) for more in added]
    path: Path = rig.write("two.cfg", "\n".join(made) + "\n")
    return path


def config(rig: Any, engine: str, acquisition: str) -> str:
    return f"""
plan = [{{stage = "quick"}}]
[rig]
kind = "micro-manager"
config_file = "{two_cameras(rig)}"
adapter_path = "{mm_test_adapters.device_adapter_path()}"
engine = "{engine}"
[acquisition]
{acquisition}
"""


@pytest.mark.parametrize("engine", ["pycromanager", "pymmcore-plus"])
@pytest.mark.parametrize("kind", SEQUENCES)
def test_each_camera_has_a_stream_with_all_its_images(rig: Any, engine: str, kind: str) -> None:
    file = rig.write("sequence.yaml", SEQUENCES[kind])
    text = config(rig, engine, f'mode = "sequence"\nsequence_file = "{file}"\n[publish]\nwait_for = ["saver"]')
    events = [(t, c) for t in range(3) for c in range(2)] if kind == "snaps" else [(t, 0) for t in range(40)]

    with stentor.Listener(name="saver", delivery="record", idle_timeout_s=5.0) as listener:
        process = rig.start(text)
        frames = [result.frame for result in listener]
        summary = rig.finish(process, 60)

    for stream, camera in (("camera-Camera", "Camera"), ("camera-Right", "Right")):
        mine = [frame for frame in frames if frame.frame_id.stream == stream]
        assert mine and {frame.camera for frame in mine} == {camera}
        # Of a burst the newest win; those that came through must be who they say they are.
        assert all((frame.t, frame.c) == events[frame.sequence] for frame in mine)
    runs = {run["stream"]: run for run in summary["runs"]}
    assert all(run["seen"] == run["expected"] == len(events) for run in runs.values())
    assert all(run["missing_camera_frames"] == 0 and run["ended"] == "completed" for run in runs.values())


def test_both_cameras_are_live(rig: Any) -> None:
    summary = rig.run(config(rig, "pycromanager", "rate_hz = 20.0\nframes = 10\nexposure_ms = 5.0"), timeout_s=60)

    assert {run["stream"]: run["seen"] for run in summary["runs"]} == {"camera-Camera": 5, "camera-Right": 5}
