"""Folder recording: one image a file, in natural order, and a growing folder's files only when they are whole."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from stentor.core.errors import SourceError
from stentor.scope.replay import folder as folder_module
from stentor.scope.replay.folder import FolderRecording, read_image


def open_folder(path: Path, **more: Any) -> FolderRecording:
    return FolderRecording(path, **{"glob": None, "axis": "position", "is_growing": False, **more})


def test_files_come_in_natural_order_with_their_numbers_and_names(tmp_path: Path, planes: Any, numbers: Any) -> None:
    for n in (0, 9, 10):
        cv2.imwrite(str(tmp_path / f"t{n}.png"), planes(11)[n])
    tifffile.imwrite(tmp_path / "t100.TIF", planes(11)[3])
    (tmp_path / "notes.txt").write_text("no image")

    found = list(open_folder(tmp_path).fresh())

    assert numbers(found) == [0, 9, 10, 3]
    assert [dict(image.axes) for image in found] == [
        {"position": n, "name": name} for n, name in enumerate(["t0.png", "t9.png", "t10.png", "t100.TIF"])
    ]


def test_a_glob_and_an_axis_choose_what_the_files_are(tmp_path: Path, planes: Any) -> None:
    for name in ("a.image.png", "a.labels.png", "b.image.png"):
        cv2.imwrite(str(tmp_path / name), planes(1)[0])

    recording = open_folder(tmp_path, glob="*.image.png", axis="time")

    assert recording.count() == 2
    assert [image.axes["time"] for image in recording.fresh()] == [0, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_of_a_png_keep_their_depth(tmp_path: Path, dtype: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (20, 30)).astype(dtype)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)

    assert np.array_equal(read_image(tmp_path / "a.png"), pixels)
    assert read_image(tmp_path / "a.png").dtype == dtype


def test_a_colour_image_is_read_as_one_so_that_it_can_be_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 30, 3), np.uint8))

    assert read_image(tmp_path / "a.png").shape == (20, 30, 3)


@pytest.mark.parametrize("kept", [0, 8, 60, 300])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, kept: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (40, 30)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(SourceError, match=f"a{suffix}.*(not a whole|damaged)"):
        read_image(path)


def test_a_png_with_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 60000, (90, 90)).astype(np.uint16))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)

    with pytest.raises(SourceError, match="not a whole PNG"):
        read_image(path)


def test_a_stack_among_single_images_is_refused_with_the_remedy(tmp_path: Path, planes: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(5))

    with pytest.raises(SourceError, match="holds 5 images, not one; replay that file by itself"):
        read_image(tmp_path / "a.tif")


def test_a_file_that_vanished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_image(tmp_path / "a.png")


class Eyes:
    """A growing folder, looked at when a test says that time has passed."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._recording = open_folder(path, is_growing=True)
        self._now = 100.0
        monkeypatch.setattr(folder_module.time, "monotonic", lambda: self._now)

    def look(self, *, after_s: float) -> list[str]:
        self._now += after_s
        return [str(image.axes["name"]) for image in self._recording.fresh()]


@pytest.fixture
def eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Eyes:
    return Eyes(tmp_path, monkeypatch)


def test_a_file_is_taken_when_it_has_not_changed_for_a_while(tmp_path: Path, planes: Any, eyes: Eyes) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), planes(1)[0])

    assert eyes.look(after_s=0.0) == []
    assert eyes.look(after_s=0.4) == []
    assert eyes.look(after_s=0.2) == ["0.png"]
    assert eyes.look(after_s=9.0) == []


def test_a_file_that_is_still_written_to_waits_and_keeps_those_behind_it_in_order(tmp_path: Path, eyes: Eyes) -> None:
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(b"begun")
    assert eyes.look(after_s=0.0) == []
    (tmp_path / "1.png").write_bytes(b"begun and continued")

    assert eyes.look(after_s=1.0) == ["0.png"]
    assert eyes.look(after_s=1.0) == ["1.png", "2.png"]


def test_a_file_whose_stamp_lies_in_the_future_is_taken_all_the_same(tmp_path: Path, eyes: Eyes) -> None:
    (tmp_path / "0.png").write_bytes(b"x")
    os.utime(tmp_path / "0.png", (2e10, 2e10))

    assert [eyes.look(after_s=0.0), eyes.look(after_s=1.0)] == [[], ["0.png"]]


def test_files_of_subfolders_are_told_apart_by_their_paths(tmp_path: Path, planes: Any) -> None:
    for well in ("B2", "B10"):
        (tmp_path / well).mkdir()
        cv2.imwrite(str(tmp_path / well / "site.png"), planes(1)[0])

    found = list(open_folder(tmp_path, glob="*/*.png").fresh())

    assert [image.axes["name"] for image in found] == ["B2/site.png", "B10/site.png"]
