"""Opening and following: the kind of a recording is seen, and what cannot be replayed is said with the remedy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from stentor.core.clock import FakeClock
from stentor.core.errors import ConfigError
from stentor.core.stage import FrameSpec
from stentor.scope.replay.folder import FolderRecording
from stentor.scope.replay.follow import images_of
from stentor.scope.replay.ndtiff import NdTiffRecording
from stentor.scope.replay.opening import open_recording, spec_of
from stentor.scope.replay.recording import RecordedImage
from stentor.scope.replay.settings import ReplaySettings
from stentor.scope.replay.tiff import TiffRecording


def opened(path: Path, **settings: Any) -> Any:
    return open_recording(ReplaySettings(path=str(path), **settings))


def test_the_kind_is_seen_by_what_lies_there(tmp_path: Path, planes: Any, ndtiff: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(5))
    ndtiff.write({"time": 0})

    assert isinstance(opened(tmp_path / "a.tif"), TiffRecording)
    assert isinstance(opened(tmp_path), FolderRecording)
    assert isinstance(opened(ndtiff.path), NdTiffRecording)


def test_a_path_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"rig\.replay\.path is missing; give a TIFF"):
        open_recording(ReplaySettings())


def test_what_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder; give a TIFF"):
        opened(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"holds no image named \*\.png or \*\.tif"):
        opened(tmp_path)
    with pytest.raises(ConfigError, match=r"holds no image named b\*"):
        cv2.imwrite(str(tmp_path / "a.png"), np.zeros((9, 9), np.uint8))
        opened(tmp_path, glob="b*")


def test_a_file_that_is_no_tiff_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.czi").touch()

    with pytest.raises(ConfigError, match="not a TIFF by its name"):
        opened(tmp_path / "a.czi")


def test_a_file_of_a_dataset_is_refused_because_the_dataset_knows_more(ndtiff: Any) -> None:
    ndtiff.write({"time": 0})
    (file,) = ndtiff.path.glob("*.tif")

    with pytest.raises(ConfigError, match=f"part of an NDTiff dataset; give its folder, {ndtiff.path}"):
        opened(file)


@pytest.mark.parametrize("glob", ["/etc/*", "../*.png"])
def test_a_pattern_that_leads_out_of_the_folder_is_refused(tmp_path: Path, glob: str) -> None:
    with pytest.raises(ConfigError, match=r"rig\.replay\.glob: .* leads out of the folder"):
        opened(tmp_path, glob=glob)


def test_a_file_cannot_be_followed_and_an_empty_folder_can(tmp_path: Path, planes: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(5))
    (tmp_path / "new").mkdir()

    with pytest.raises(ConfigError, match="a file cannot be followed; follow the folder"):
        opened(tmp_path / "a.tif", follow=True)
    assert opened(tmp_path / "new", follow=True).count() == 0


def test_the_first_image_tells_what_frames_look_like(tmp_path: Path, planes: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(5, np.uint8))
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    settings = ReplaySettings(pixel_size_um=0.5)

    def spec(name: str) -> FrameSpec | None:
        return spec_of(next(opened(tmp_path / name).fresh()), settings)

    assert spec("a.tif") == FrameSpec((20, 30), "uint8", 0.5)
    assert spec("rgb.tif") is None


@pytest.mark.parametrize(
    ("settings", "is_lossless"),
    [
        ({}, True),
        ({"pace": "recorded"}, False),
        ({"pace": 2.0}, False),
        ({"rate_hz": 5.0}, False),
        ({"rate_hz": 5.0, "lossless": True}, True),
        ({"lossless": False}, False),
    ],
)
def test_only_what_has_no_pace_of_its_own_waits_unless_it_is_told_to(
    settings: dict[str, Any], is_lossless: bool
) -> None:
    assert ReplaySettings(**settings).is_lossless is is_lossless


class Growing:
    """A recording to which images come while it is looked at."""

    can_grow = True

    def __init__(self, *portions: int) -> None:
        self._portions = list(portions)

    def fresh(self) -> Iterator[RecordedImage]:
        for _ in range(self._portions.pop(0) if self._portions else 0):
            yield RecordedImage("image", {}, lambda: np.zeros((1, 1)))

    def count(self) -> int:
        return 0

    def close(self) -> None: ...


def followed(recording: Growing, *, is_growing: bool, stop_after_s: float = 1e9) -> tuple[int, float]:
    """Follow with a clock that moves while it waits; return how many images came, and how long it took."""
    clock = FakeClock()

    def wait(wait_s: float) -> bool:
        clock.advance(ms=1000 * wait_s)
        return clock.monotonic_ns() >= stop_after_s * 1e9

    images = images_of(recording, is_growing=is_growing, idle_timeout_s=2.0, clock=clock, wait=wait)
    return len(list(images)), clock.monotonic_ns() / 1e9


def test_a_followed_recording_is_over_when_nothing_has_come_for_long_enough() -> None:
    assert followed(Growing(2, 0, 0, 3, 0, 1), is_growing=True) == (6, pytest.approx(5 * 0.2 + 2.0))


def test_a_recording_that_is_not_followed_is_read_once() -> None:
    assert followed(Growing(2, 3), is_growing=False) == (2, 0)


def test_a_followed_recording_ends_when_asked() -> None:
    assert followed(Growing(1, 1, 1), is_growing=True, stop_after_s=0.3) == (2, pytest.approx(0.4))
