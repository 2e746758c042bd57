"""Folder recording: one image a file, in natural order, and a growing folder's files only when they are whole."""

import os
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from stentor.core.errors import SourceError
from stentor.scope.replay import folder as folder_module
from stentor.scope.replay.folder import FolderRecording, read_image


def settle(path: Path) -> None:
    """Make a file look as if nobody had written to it for a minute."""
    os.utime(path, (time.time() - 60,) * 2)


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


def test_a_file_that_is_still_written_to_waits_and_keeps_those_behind_it_in_order(
    tmp_path: Path, planes: Any, numbers: Any
) -> None:
    recording = open_folder(tmp_path, is_growing=True)
    for n in range(3):
        cv2.imwrite(str(tmp_path / f"{n}.png"), planes(3)[n])
    settle(tmp_path / "0.png")
    settle(tmp_path / "2.png")

    assert numbers(list(recording.fresh())) == [0]
    settle(tmp_path / "1.png")
    assert numbers(list(recording.fresh())) == [1, 2]
    assert list(recording.fresh()) == []


def test_a_file_settles_by_itself(tmp_path: Path, planes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), planes(1)[0])
    assert not folder_module.is_settled(tmp_path / "a.png")
    now = time.time()

    monkeypatch.setattr(folder_module.time, "time", lambda: now + 1)

    assert folder_module.is_settled(tmp_path / "a.png")
    assert not folder_module.is_settled(tmp_path / "gone.png")
