"""The side door: truths are written beside the camera, and read back by its counter."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stentor.core.errors import RecordError, SourceError
from stentor.scope.simulated import truth as truth_module
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import HandClock
from stentor.scope.simulated.settings import SimulatedSettings
from stentor.scope.simulated.truth import Truth, TruthRecorder, read_truth

SETTINGS = SimulatedSettings(seed=2, width=128, height=96, world_fields=2.0)


def a_truth(frame: int = 12) -> Truth:
    clock = HandClock()
    taken = Microscope(SETTINGS, clock).expose(frame, clock.monotonic_ns(), 10.0, auto_shutter=True)
    return taken.truth


def test_a_truth_comes_back_as_it_was_written(tmp_path: Path) -> None:
    recorder = TruthRecorder(tmp_path / "new" / "folder")
    wrote = a_truth()

    recorder.put(wrote)
    recorder.close()
    read = read_truth(tmp_path / "new" / "folder", 12)

    np.testing.assert_array_equal(read.labels(), wrote.labels())
    np.testing.assert_array_equal(read.ids, wrote.ids)
    np.testing.assert_array_equal(read.parents, wrote.parents)
    np.testing.assert_allclose(read.centroids_px, wrote.centroids_px)
    assert (read.frame, read.shape, read.stage_um) == (wrote.frame, wrote.shape, wrote.stage_um)


def test_labels_are_the_ids_that_the_columns_name() -> None:
    truth = a_truth()
    labels = truth.labels()

    assert labels.shape == (96, 128)
    assert set(np.unique(labels)) - {0} <= set(truth.ids.tolist())
    for number, (column, row) in zip(truth.ids, truth.centroids_px, strict=True):
        rows, columns = np.nonzero(labels == number)
        if len(rows) > 200 and 20 < column < 107 and 20 < row < 75:
            assert np.hypot(columns.mean() - column, rows.mean() - row) < 4.0


def test_the_camera_never_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(truth_module, "_write", lambda folder, truth: release.wait(10))
    recorder = TruthRecorder(tmp_path)
    truth = a_truth()

    for _ in range(300):
        recorder.put(truth)
    lost = recorder.lost
    release.set()
    recorder.close()

    assert 40 <= lost <= 44


def test_a_disk_that_fails_costs_truths_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, truth: Truth) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(truth_module, "_write", full)
    recorder = TruthRecorder(tmp_path)

    recorder.put(a_truth())
    recorder.close()
    recorder.close()

    assert recorder.lost == 1


def test_a_missing_truth_and_an_impossible_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SourceError, match="frame 3"):
        read_truth(tmp_path, 3)
    with pytest.raises(RecordError, match="truth folder"):
        TruthRecorder(tmp_path / "file" / "folder")


def test_only_the_last_truths_stay_in_memory() -> None:
    microscope = Microscope(SETTINGS, HandClock())
    truth = a_truth()
    for frame in range(70):
        microscope.publish_truth(replace(truth, frame=frame))

    assert microscope.truth_of(69).frame == 69
    with pytest.raises(SourceError, match="frame 0"):
        microscope.truth_of(0)
