"""The main job, as a user runs it."""

import os
import signal
import time
from typing import Any

import stentor

DOORS = ("tapped", "dequeued", "model_start", "model_end", "post", "published")


def adds_up(outcomes: dict[str, int]) -> bool:
    return outcomes["seen"] == sum(outcomes[name] for name in ("result", "late", "dropped", "failed", "unused"))


def test_the_default_run_analyses_every_frame(rig: Any) -> None:
    summary = rig.run(None, "--frames", "60")

    outcomes = summary["outcomes"]
    assert outcomes["seen"] == 60 and adds_up(outcomes)
    assert outcomes["failed"] == 0
    assert outcomes["result"] >= 45  # newest wins: a busy neighbour costs some; a quiet machine gives all 60
    assert summary["model"]["name"].startswith("nuclei@") and len(summary["model"]["hash"]) == 64
    assert summary["model"]["provider"].endswith("ExecutionProvider")
    assert all(set(summary["latency_ms"][door]) == {"p50", "p95", "p99", "n"} for door in DOORS)
    assert summary["returncode"] == 0 and rig.leftovers() == []


def test_a_viewer_sees_small_frames_with_their_labels(rig: Any) -> None:
    process = rig.start(None)
    rig.wait_for(rig.status)

    with stentor.Listener(delivery="view", images=("frame", "labels"), max_side_px=128) as viewer:
        result = rig.wait_for(lambda: viewer.receive(1.0))

    frame = result.image("frame")
    assert frame is not None and frame.shape == (128, 128) and frame.dtype == "uint16"
    assert result.labels is not None and result.labels.shape == (128, 128)
    assert result.step("frame") == result.step("labels") == 4
    assert set(result.labels.ravel().tolist()) - {0} <= set(result.objects["label"].tolist())
    process.send_signal(signal.SIGINT)
    rig.finish(process, 20)


def test_one_interrupt_ends_everything_within_five_seconds(rig: Any) -> None:
    process = rig.start(None)
    rig.wait_for(lambda: rig.results_so_far() > 3)

    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    summary = rig.finish(process, 20)

    assert time.monotonic() - began < 5
    assert summary["returncode"] == 0
    assert adds_up(summary["outcomes"])
    assert summary["runs"][0]["ended"] == "aborted"
    assert rig.leftovers() == []


def test_a_second_interrupt_forces(rig: Any) -> None:
    process = rig.start('[[plan]]\nstage = "sleeps"\n')
    rig.wait_for(lambda: (status := rig.status()) is not None and status.outcomes.seen > 0)
    os.kill(rig.pid_of("scope"), signal.SIGSTOP)  # would never end by itself

    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 5)

    assert summary["returncode"] == 130
    assert rig.leftovers() == []


def test_a_second_daemon_on_a_rig_is_refused_by_name(rig: Any) -> None:
    rig.start("plan = []")
    rig.wait_for(lambda: rig.status())

    second = rig.start("plan = []")
    out, err = second.communicate(timeout=30)

    assert (second.returncode, out) == (3, "")
    assert err.count("already has a daemon") == 1
    assert "no summary" not in err
    assert len(list(rig.state.rglob("settings.json"))) == 1, "it leaves no session behind"


def test_stop_ends_the_acquisition_and_stop_daemon_leaves_it_running(rig: Any) -> None:
    process = rig.start("plan = []")
    rig.wait_for(lambda: rig.results_so_far() > 3)
    scope = rig.pid_of("scope")

    stopped = rig.command("stop", "--daemon")
    assert stopped.wait(20) == 0
    rig.wait_for(lambda: rig.status() is None)
    time.sleep(0.5)

    assert process.poll() is None and rig.pid_of("scope") == scope
    process.send_signal(signal.SIGINT)
    rig.finish(process, 20)


def test_stop_ends_everything(rig: Any) -> None:
    process = rig.start("plan = []")
    rig.wait_for(lambda: rig.results_so_far() > 3)

    assert rig.command("stop").wait(20) == 0

    summary = rig.finish(process, 20)
    assert summary["returncode"] == 0 and adds_up(summary["outcomes"])


def test_paused_frames_are_counted_and_the_analysis_resumes(rig: Any) -> None:
    process = rig.start("plan = []")
    rig.wait_for(lambda: rig.results_so_far() > 3)

    assert rig.command("pause").wait(20) == 0
    rig.wait_for(lambda: (status := rig.status()) is not None and status.outcomes.dropped > 3)
    assert rig.command("resume").wait(20) == 0
    before = rig.results_so_far()
    rig.wait_for(lambda: rig.results_so_far() > before)

    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 20)
    assert "dropped(paused)" in summary["reasons"] and adds_up(summary["outcomes"])
