"""TIFF recording: every page, with its axes and what is said of it; damage costs the damaged pages only."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from stentor.core.errors import SourceError
from stentor.scope.replay.recording import RecordedImage
from stentor.scope.replay.tiff import TiffRecording


def images(path: Path) -> list[RecordedImage]:
    recording = TiffRecording(path, axis="time")
    found = list(recording.fresh())
    assert recording.count() == len(found)
    assert list(recording.fresh()) == []
    return found  # read later, so the file stays open


def one_by_one(path: Path, stack: np.ndarray, **more: Any) -> Path:
    """Write pages as an acquisition does: each description before its pixels."""
    with tifffile.TiffWriter(path) as writer:
        for plane in stack:
            writer.write(plane, contiguous=False, metadata=None, **more)
    return path


def test_nameless_pages_are_numbered_along_the_axis_of_the_settings(tmp_path: Path, planes: Any, numbers: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(5))

    found = list(TiffRecording(tmp_path / "a.tif", axis="z").fresh())

    assert [image.axes for image in found] == [{"z": n} for n in range(5)]
    assert numbers(found) == [0, 1, 2, 3, 4]


def test_axes_of_an_imagej_stack_keep_their_letters_and_its_times_and_pixel_size_are_known(
    tmp_path: Path, planes: Any, numbers: Any
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        planes(6).reshape(3, 2, 20, 30),
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "TCYX", "finterval": 2.5, "unit": "um"},
    )

    found = images(tmp_path / "a.tif")

    assert [dict(image.axes) for image in found] == [{"T": n // 2, "C": n % 2} for n in range(6)]
    assert numbers(found) == list(range(6))
    assert [image.time_s for image in found] == [0, 0, 2.5, 2.5, 5, 5]
    assert {image.facts.pixel_size_um for image in found} == {0.25}


def test_an_imagej_stack_whose_later_pages_have_no_description_is_whole(
    tmp_path: Path, planes: Any, numbers: Any
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(5), imagej=True, truncate=True, metadata={"axes": "TYX"})

    assert numbers(images(tmp_path / "a.tif")) == [0, 1, 2, 3, 4]


def test_positions_of_an_ome_tiff_come_in_the_order_of_their_times(tmp_path: Path, planes: Any, numbers: Any) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for p, name in enumerate(("B2", "A1")):
            plane = {
                "DeltaT": [1000.0 * (2 * t + p) for t in range(3)],
                "DeltaTUnit": ["ms"] * 3,
                "ExposureTime": [0.02] * 3,
                "PositionX": [7.0 + p] * 3,
                "PositionY": [9.0] * 3,
            }
            writer.write(
                planes(6)[p::2],
                metadata={
                    "axes": "TYX", "Name": name, "Plane": plane, "Channel": {"Name": "DAPI"},
                    "PhysicalSizeX": 650, "PhysicalSizeXUnit": "nm", "SignificantBits": 12,
                },
            )  # fmt: skip

    found = images(tmp_path / "a.ome.tif")

    assert numbers(found) == list(range(6))
    assert [dict(image.axes) for image in found[:3]] == [
        {"position": "B2", "T": 0}, {"position": "A1", "T": 0}, {"position": "B2", "T": 1},
    ]  # fmt: skip
    assert [image.time_s for image in found] == [0, 1, 2, 3, 4, 5]
    facts = found[1].facts
    assert (facts.channel, facts.exposure_ms, facts.bit_depth) == ("DAPI", 20, 12)
    assert facts.pixel_size_um == pytest.approx(0.65)
    assert (facts.stage.x_um, facts.stage.y_um, facts.stage.z_um, facts.stage.origin) == (8, 9, None, "read-back")


def test_an_ome_tiff_that_says_nothing_of_its_planes_has_none_of_it(tmp_path: Path, planes: Any) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", planes(2), ome=True, metadata={"axes": "ZYX"})

    found = images(tmp_path / "a.ome.tif")

    assert [dict(image.axes) for image in found] == [{"Z": 0}, {"Z": 1}]
    assert found[0].time_s is None and found[0].facts.stage.origin is None and found[0].facts.pixel_size_um is None


def test_the_tags_that_micro_manager_writes_to_each_page_are_read(tmp_path: Path, planes: Any) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for n, plane in enumerate(planes(3)):
            tags = {"ElapsedTime-ms": 100 * n, "PixelSizeUm": 0.5, "Channel": "DAPI", "Camera": "Left"}
            extra = [(51123, 2, 0, json.dumps(tags), True)]
            writer.write(plane, contiguous=False, metadata=None, extratags=extra)

    found = images(tmp_path / "a.tif")

    assert [image.time_s for image in found] == [0, 0.1, 0.2]
    assert (found[2].facts.pixel_size_um, found[2].facts.channel, found[2].facts.camera) == (0.5, "DAPI", "Left")


@pytest.mark.parametrize(("byteorder", "compression"), [(">", None), ("<", "zlib"), (">", "zlib")])
def test_pixels_are_the_same_whatever_the_byte_order_and_compression(
    tmp_path: Path, planes: Any, byteorder: Any, compression: str | None
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", planes(3), byteorder=byteorder, compression=compression, photometric="minisblack"
    )

    found = [image.read() for image in images(tmp_path / "a.tif")]

    assert np.array_equal(np.array(found), planes(3))
    assert all(pixels.dtype.isnative and pixels.dtype == np.uint16 for pixels in found)


def test_pages_that_opencv_compressed_are_read(tmp_path: Path, planes: Any, numbers: Any) -> None:
    assert cv2.imwritemulti(str(tmp_path / "a.tif"), list(planes(3)))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].aspage().compression == tifffile.COMPRESSION.LZW

    assert numbers(images(tmp_path / "a.tif")) == [0, 1, 2]


@pytest.mark.parametrize("cut", [100, 1100, 1300, 1360])
def test_a_truncated_file_gives_its_whole_pages_and_one_reason_for_the_rest(
    tmp_path: Path, planes: Any, cut: int
) -> None:
    path = one_by_one(tmp_path / "a.tif", planes(4))
    path.write_bytes(path.read_bytes()[:-cut])

    found = images(path)

    whole = []
    for image in found[:-1]:
        whole.append(int(image.read()[0, 0]))
    assert whole == list(range(len(found) - 1)) and len(whole) >= 2
    with pytest.raises(SourceError, match=r"not written to its end|it is damaged"):
        found[-1].read()


def test_a_stack_that_breaks_off_at_its_list_of_pages_says_so(tmp_path: Path, planes: Any, numbers: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", planes(9), imagej=True, metadata={"axes": "TYX"})
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:8000])

    found = images(tmp_path / "a.tif")

    assert numbers(found[:-1]) == [0]
    with pytest.raises(SourceError, match="breaks off after 1 images; it was not written to its end"):
        found[-1].read()


@pytest.mark.parametrize("content", [b"", b"II*\0", b"hello" * 100, b"II*\0\x08\0\0\0\xff\xff" + bytes(50)])
def test_what_is_no_tiff_is_refused_when_it_is_opened(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)

    with pytest.raises(SourceError, match="no TIFF that can be read"):
        TiffRecording(tmp_path / "a.tif", axis="time")


def test_a_page_that_claims_to_be_enormous_is_refused_unread(tmp_path: Path, planes: Any) -> None:
    path = one_by_one(tmp_path / "a.tif", planes(2))
    with tifffile.TiffFile(path, mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages[0].aspage().tags[tag].overwrite(60_000)

    with pytest.raises(SourceError, match="claims 7200000000 bytes"):
        images(path)[0].read()


def test_only_one_page_is_in_memory_at_a_time(tmp_path: Path) -> None:
    path = one_by_one(tmp_path / "a.tif", np.ones((60, 256, 256), np.uint16))
    recording = TiffRecording(path, axis="time")

    tracemalloc.start()
    total = sum(int(image.read()[0, 0]) for image in recording.fresh())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total == 60
    assert peak < 10 * 256 * 256 * 2
