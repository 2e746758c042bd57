"""Replay: a recording is a source like a microscope, and as fast as accepted every image gets a result."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
QUICK = 'plan = [{stage = "quick"}]\n'
SLOW = 'plan = [{stage = "sleeps", seconds = 0.05}]\n'

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not at ../shared/data")

WRITER = """
import sys, time
import numpy as np
from ndstorage import NDTiffDataset
dataset = NDTiffDataset(sys.argv[1], name="run", writable=True, summary_metadata={})
dataset.initialize({})
for t in range(int(sys.argv[2])):
    for channel in ("Cy5", "DAPI"):
        dataset.put_image({"time": t, "channel": channel}, np.full((64, 64), t, np.uint16), {"ElapsedTime-ms": 50 * t})
    time.sleep(0.05)
dataset.finish()
dataset.close()
"""


class Replay:
    """Starts `stentor replay` on a rig of its own, beside a consumer of every header."""

    def __init__(self, rig: Any) -> None:
        self._rig = rig

    def start(self, path: Path, *options: str, config: str = QUICK) -> "subprocess.Popen[str]":
        from_file = ["--config", str(self._rig.write("plan.toml", config))]
        words = ["replay", str(path), *from_file, "--summary", "json", *options]
        process: subprocess.Popen[str] = self._rig.command(*words)
        return process

    def run(self, path: Path, *options: str, config: str = QUICK) -> dict[str, Any]:
        summary: dict[str, Any] = self._rig.finish(self.start(path, *options, config=config), 90)
        return summary

    def headers(self, path: Path, *options: str, config: str = QUICK) -> list[dict[str, Any]]:
        """Replay to the end and return the headers of all results, as a record consumer got them."""
        waits = config + '[publish]\nwait_for = ["saver"]\nwait_for_s = 30.0\n'
        listener = self._rig.command("listen", "--record", "--consumer", "saver", "--json", "--timeout-s", "60")
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(listener.stdout))  # a full pipe would stop the consumer
        reader.start()
        summary = self.run(path, *options, config=waits)
        assert_all_results(summary, summary["outcomes"]["seen"])
        listener.terminate()
        reader.join(20)
        return [json.loads(line)["frame"] for line in lines]


@pytest.fixture
def replay(rig: Any) -> Replay:
    return Replay(rig)


def assert_all_results(summary: dict[str, Any], n: int) -> None:
    assert summary["outcomes"] == {
        "seen": n, "result": n, "late": 0, "dropped": 0, "failed": 0, "unused": 0,
    }, summary  # fmt: skip
    assert summary["returncode"] == 0 and summary["runs"][0]["ended"] == "completed"


def images(folder: Path, n: int) -> Path:
    folder.mkdir(exist_ok=True)
    for k in range(n):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((64, 64), k, np.uint8))
    return folder


@needs_data
def test_the_time_lapse_replays_completely_through_the_default_plan(rig: Any) -> None:
    path = DATA / "timelapse" / "mitocheck_h2b_30x190x211.tif"

    summary = rig.finish(rig.command("replay", str(path), "--summary", "json"), 90)

    assert_all_results(summary, 30)
    assert summary["runs"][0]["expected"] == 30
    assert summary["model"]["name"].startswith("nuclei@")
    assert rig.leftovers() == []


@needs_data
def test_a_folder_of_images_replays_as_a_plate(replay: Replay) -> None:
    folder = DATA / "nuclei_bbbc039_43"
    names = sorted(path.name for path in folder.glob("*.image.png"))

    frames = replay.headers(folder, "--glob", "*.image.png", "--pixel-size-um", "0.65")

    assert len(frames) == 43
    assert sorted(frame["axes"]["name"] for frame in frames) == names
    assert {frame["p"] for frame in frames} == set(range(43))
    assert {frame["pixel_size_um"] for frame in frames} == {0.65}


@needs_data
@pytest.mark.parametrize(
    ("name", "n", "axes", "indices"),
    [
        ("labeled_positions_1", 3, {"position": "Pos0"}, {"t": None, "c": None, "z": None, "p": 1}),
        ("12_bit_pycromanager_mda", 8, {"time": 2, "channel": "FITC"}, {"t": 2, "c": 1, "z": None, "p": None}),
        ("ndtiff3.2_multichannel", 256, {"time": 0, "channel": "DAPI", "z": 3}, {"t": 0, "c": 0, "z": 3, "p": None}),
    ],
)
def test_an_ndtiff_dataset_replays_with_its_axes(
    replay: Replay, name: str, n: int, axes: dict[str, Any], indices: dict[str, Any]
) -> None:
    frames = replay.headers(DATA / "ndtiff" / name)

    assert len(frames) == n
    (frame,) = [frame for frame in frames if frame["axes"] == axes]
    assert {key: frame[key] for key in indices} == indices
    assert frame["exposure_ms"] == 10 and frame["pixel_size_um"] == 1
    assert len({json.dumps(frame["axes"], sort_keys=True) for frame in frames}) == n


def test_a_slow_plan_loses_nothing_and_the_ring_is_never_overrun(replay: Replay, tmp_path: Path) -> None:
    summary = replay.run(images(tmp_path / "in", 60), config=SLOW + "[source]\nring_slots = 4\n")

    assert_all_results(summary, 60)


def test_a_group_larger_than_what_may_be_under_way_is_gathered_all_the_same(replay: Replay, tmp_path: Path) -> None:
    stack = np.zeros((2, 20, 32, 32), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "TZYX"})

    summary = replay.run(tmp_path / "a.tif", config=QUICK + "[gather]\nz_planes = 20\n")

    assert_all_results(summary, 40)


def test_images_that_grow_all_find_room(replay: Replay, tmp_path: Path) -> None:
    for k in range(20):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((32 * (k + 1), 64), np.uint8))

    assert_all_results(replay.run(tmp_path, "--glob", "*.png", config=SLOW), 20)


def test_recorded_pace_a_factor_and_a_rate_take_their_time(replay: Replay, tmp_path: Path) -> None:
    stack = np.zeros((11, 32, 32), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "TYX", "finterval": 0.2})

    rates = [
        replay.run(tmp_path / "a.tif", *options)["rate_hz"]
        for options in (("--pace", "recorded"), ("--pace", "4"), ("--pace", "recorded", "--rate", "10"))
    ]

    assert rates == [pytest.approx(5, rel=0.15), pytest.approx(20, rel=0.15), pytest.approx(10, rel=0.15)]


def test_at_a_pace_of_its_own_a_replay_drops_as_a_microscope_does(replay: Replay, tmp_path: Path) -> None:
    folder = images(tmp_path / "in", 40)

    paced = replay.run(folder, "--rate", "100", "--axis", "time", config=SLOW)["outcomes"]
    patient = replay.run(folder, "--rate", "100", "--axis", "time", "--lossless", config=SLOW)

    assert paced["seen"] == 40 and paced["dropped"] > 0 and paced["result"] + paced["dropped"] == 40
    assert_all_results(patient, 40)


def test_damaged_and_unusable_images_cost_themselves_only(replay: Replay, tmp_path: Path, rig: Any) -> None:
    folder = images(tmp_path / "in", 8)
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])
    cv2.imwrite(str(folder / "4.png"), np.zeros((64, 64, 3), np.uint8))
    (folder / "6.png").unlink()
    tifffile.imwrite(folder / "6.tif", np.zeros((64, 64), np.float64))

    summary = replay.run(folder)

    assert summary["outcomes"] == {"seen": 8, "result": 5, "late": 0, "dropped": 0, "failed": 3, "unused": 0}
    said = " ".join(summary["reasons"])
    for words in ("2.png: not a whole PNG", "split the colours first", "type float64 are not taken; convert them"):
        assert words in said
    assert summary["runs"][0]["ended"] == "completed" and summary["returncode"] == 0


def test_a_truncated_stack_gives_its_whole_images_and_the_reason(replay: Replay, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for k in range(5):
            writer.write(np.full((64, 64), k, np.uint16), contiguous=False, metadata=None)
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-2000])

    summary = replay.run(tmp_path / "a.tif")

    assert (summary["outcomes"]["result"], summary["outcomes"]["failed"]) == (4, 1)
    assert any("a.tif: image 4 cannot be read" in reason for reason in summary["reasons"])


def test_what_cannot_be_replayed_is_an_error_with_the_remedy(replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.tif").write_bytes(b"junk" * 30)
    folder = images(tmp_path / "in", 2)

    for path, options, code, words in (
        (tmp_path / "gone", (), 3, "no such file or folder; give a TIFF"),
        (tmp_path / "empty", (), 3, "holds no image"),
        (tmp_path / "junk.tif", (), 4, "no TIFF that can be read"),
        (folder, ("--pace", "recorded"), 3, "does not say when its images were taken; give rig.replay.rate_hz"),
    ):
        summary = replay.run(path, *options)
        assert words in summary["stderr"]
        assert summary["returncode"] == code and summary["outcomes"]["seen"] == 0


def test_a_wrong_pace_on_the_command_line_is_refused_at_once(rig: Any, tmp_path: Path) -> None:
    process = rig.command("replay", str(tmp_path), "--pace", "quickly")
    _, err = process.communicate(timeout=30)

    assert process.returncode == 3
    assert "$.pace" in err and "stentor replay --help" in err


def test_a_followed_folder_is_replayed_while_it_fills(replay: Replay, tmp_path: Path, rig: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    process = replay.start(folder, "--follow", "--idle-timeout", "3")
    rig.wait_for(lambda: rig.status())

    images(folder, 4)
    rig.wait_for(lambda: rig.results_so_far() == 4)
    for k in range(4, 7):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((64, 64), k, np.uint8))

    summary = rig.finish(process, 30)
    assert_all_results(summary, 7)
    assert summary["runs"][0]["expected"] is None


def test_a_followed_ndtiff_is_replayed_while_another_process_writes_it(
    replay: Replay, tmp_path: Path, rig: Any
) -> None:
    writer = rig.spawn(sys.executable, "-c", WRITER, str(tmp_path / "sets"), "100")
    index = tmp_path / "sets" / "run_1" / "NDTiff.index"
    rig.wait_for(index.exists)

    process = replay.start(tmp_path / "sets" / "run_1", "--follow", "--idle-timeout", "4")
    rig.wait_for(lambda: rig.results_so_far() > 0)
    was_writing = writer.poll() is None
    summary = rig.finish(process, 60)

    assert was_writing and writer.wait(10) == 0
    assert_all_results(summary, 200)


@pytest.mark.parametrize("pace", [(), ("--rate", "20")])
def test_an_interrupt_ends_a_followed_replay_in_order(
    replay: Replay, tmp_path: Path, rig: Any, pace: tuple[str, ...]
) -> None:
    process = replay.start(images(tmp_path / "in", 3), "--follow", "--idle-timeout", "600", *pace)
    rig.wait_for(lambda: rig.results_so_far() == 3)

    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 20)

    assert summary["outcomes"]["result"] == 3 and summary["runs"][0]["ended"] == "aborted"
    assert summary["returncode"] == 0 and rig.leftovers() == []


def test_an_interrupt_ends_a_replay_with_a_slow_plan_within_five_seconds(
    replay: Replay, tmp_path: Path, rig: Any
) -> None:
    process = replay.start(images(tmp_path / "in", 100), config='plan = [{stage = "sleeps", seconds = 0.6}]\n')
    rig.wait_for(lambda: rig.results_so_far() > 1)

    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    summary = rig.finish(process, 20)

    outcomes = summary["outcomes"]
    assert time.monotonic() - began < 5
    assert outcomes["seen"] == outcomes["result"] + outcomes["failed"] < 20
    assert summary["returncode"] == 0 and rig.leftovers() == []


def test_a_replay_without_its_daemon_ends_with_it_after_a_while(replay: Replay, tmp_path: Path, rig: Any) -> None:
    process = replay.start(images(tmp_path / "in", 100), config=SLOW + "[acquisition]\nwait_for_daemon_s = 1.0\n")
    rig.wait_for(lambda: rig.results_so_far() > 5)

    assert rig.command("stop", "--daemon").wait(20) == 0
    summary = rig.finish(process, 30)

    outcomes = summary["outcomes"]
    assert outcomes["seen"] == outcomes["result"] + outcomes["failed"] < 100
    assert "no analysis was ready for 1 s" in summary["stderr"] and rig.leftovers() == []


def test_a_killed_daemon_costs_what_it_had_and_the_replay_goes_on(replay: Replay, tmp_path: Path, rig: Any) -> None:
    process = replay.start(images(tmp_path / "in", 120), config=SLOW)
    rig.wait_for(lambda: rig.results_so_far() > 10)

    os.kill(rig.pid_of("daemon"), signal.SIGKILL)
    summary = rig.finish(process, 60)

    outcomes = summary["outcomes"]
    assert outcomes["seen"] == 120 == outcomes["result"] + outcomes["failed"]
    assert set(summary["reasons"]) <= {"failed(daemon: daemon-lost)"}
    assert outcomes["failed"] < 60 and len(summary["runs"]) == 1
    assert summary["runs"][0]["ended"] == "completed" and rig.leftovers() == []


def test_a_killed_replay_goes_on_where_it_was(replay: Replay, tmp_path: Path, rig: Any) -> None:
    process = replay.start(images(tmp_path / "in", 100), config=SLOW)
    rig.wait_for(lambda: rig.results_so_far() > 10)

    with contextlib.suppress(ProcessLookupError):
        os.kill(rig.pid_of("scope"), signal.SIGKILL)
    summary = rig.finish(process, 60)

    first, second = summary["runs"]
    assert second["expected"] == second["seen"] and second["ended"] == "completed"
    assert 90 <= first["seen"] + second["seen"] <= 100  # named and never handed over: lost with the process


def test_a_paused_daemon_makes_the_replay_wait(replay: Replay, tmp_path: Path, rig: Any) -> None:
    process = replay.start(images(tmp_path / "in", 60), config=SLOW)
    rig.wait_for(lambda: rig.results_so_far() > 5)

    assert rig.command("pause").wait(20) == 0
    rig.wait_for(lambda: (status := rig.status()) is not None and status.outcomes.open == 0)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)  # more than what is left would take
    assert rig.results_so_far() < 60
    assert rig.command("resume").wait(20) == 0

    assert_all_results(rig.finish(process, 60), 60)


def test_a_replay_can_stand_in_a_configuration_and_is_checked(rig: Any, tmp_path: Path) -> None:
    images(rig.folder / "in", 5)

    def config(glob: str) -> str:
        return f'{QUICK}[rig]\nkind = "replay"\n[rig.replay]\npath = "in"\nglob = "{glob}"\naxis = "time"\n'

    good = rig.command("check", str(rig.write("good.toml", config("*.png"))))
    bad = rig.command("check", str(rig.write("bad.toml", config("*.jpg"))))
    summary = rig.run(config("*.png"), "--frames", "4")

    assert "ok    recording" in good.communicate(timeout=30)[0] and good.returncode == 0
    said = bad.communicate(timeout=30)[0]
    assert "FAULT recording" in said and "holds no image named *.jpg" in said and bad.returncode == 3
    assert summary["outcomes"]["result"] == summary["outcomes"]["seen"] == 4
