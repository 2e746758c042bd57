"""NDTiff recording: every image with its axes as written, also while another process writes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stentor.core.errors import SourceError
from stentor.scope.replay.ndtiff import INDEX_FILE, NdTiffRecording

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "ndtiff"


def test_axes_come_as_written_and_in_the_order_of_writing(ndtiff: Any, numbers: Any) -> None:
    written: list[dict[str, int | str]] = [
        {"time": t, "channel": c, "position": p} for t in range(2) for p in ("Pos2", "Pos0") for c in ("Cy5", "DAPI")
    ]
    for axes in written:
        ndtiff.write(axes)
    ndtiff.finish()

    recording = NdTiffRecording(ndtiff.path, is_growing=False)

    assert recording.count() == 8
    found = list(recording.fresh())
    assert [image.axes for image in found] == written
    assert numbers(found) == list(range(8))
    assert [image.time_s for image in found] == pytest.approx([n / 10 for n in range(8)])
    assert list(recording.fresh()) == []
    recording.close()


def test_what_micro_manager_wrote_beside_an_image_is_known(ndtiff: Any) -> None:
    ndtiff.write(
        {"time": 0},
        **{
            "Channel": "DAPI", "Exposure": 10, "Camera": "Left", "BitDepth": 12, "Binning": "2x2",
            "PixelSizeUm": 0.65, "PixelSizeAffine": "0.0;0.65;0.0;-0.65;0.0;0.0", "ROI": "8-4-30-20",
            "XPosition_um_Intended": 3, "YPosition_um_Intended": 4.5,
        },
    )  # fmt: skip
    ndtiff.finish()

    (image,) = NdTiffRecording(ndtiff.path, is_growing=False).fresh()

    facts = image.facts
    assert (facts.channel, facts.exposure_ms, facts.camera) == ("DAPI", 10, "Left")
    assert (facts.bit_depth, facts.binning, facts.roi_xywh) == (12, 2, (8, 4, 30, 20))
    assert (facts.pixel_size_um, facts.affine) == (0.65, (0.0, 0.65, 0.0, -0.65, 0.0, 0.0))
    assert (facts.stage.x_um, facts.stage.y_um, facts.stage.z_um, facts.stage.origin) == (3, 4.5, None, "intended")


def test_images_are_seen_as_they_are_written(ndtiff: Any, numbers: Any) -> None:
    ndtiff.write({"time": 0})
    recording = NdTiffRecording(ndtiff.path, is_growing=True)

    seen = [numbers(list(recording.fresh()))]
    for _ in range(3):
        ndtiff.write({"time": ndtiff.written})
        ndtiff.write({"time": ndtiff.written})
        seen.append(numbers(list(recording.fresh())))

    assert seen == [[0], [1, 2], [3, 4], [5, 6]]


def test_half_an_entry_of_the_index_waits_for_its_rest(ndtiff: Any, numbers: Any, tmp_path: Path) -> None:
    for t in range(3):
        ndtiff.write({"time": t})
    ndtiff.finish()
    index = ndtiff.path / INDEX_FILE
    whole = index.read_bytes()
    recording = NdTiffRecording(ndtiff.path, is_growing=True)

    seen = []
    for end in range(0, len(whole) + 1, 7):
        index.write_bytes(whole[:end] + bytes(30))  # Micro-Manager's index has zeros where nothing is written yet
        seen += numbers(list(recording.fresh()))
    index.write_bytes(whole)
    seen += numbers(list(recording.fresh()))

    assert seen == [0, 1, 2]


def test_an_index_that_breaks_off_is_one_refused_image(ndtiff: Any, numbers: Any) -> None:
    for t in range(3):
        ndtiff.write({"time": t})
    ndtiff.finish()
    index = ndtiff.path / INDEX_FILE
    index.write_bytes(index.read_bytes()[:-5])
    recording = NdTiffRecording(ndtiff.path, is_growing=False)

    found = list(recording.fresh())

    assert recording.count() == 3 and numbers(found[:2]) == [0, 1]
    with pytest.raises(SourceError, match="breaks off"):
        found[2].read()
    assert list(recording.fresh()) == []


def test_pixels_that_are_not_there_are_refused_and_the_others_are_not(ndtiff: Any, numbers: Any) -> None:
    for t in range(3):
        ndtiff.write({"time": t})
    ndtiff.finish()
    (file,) = ndtiff.path.glob("*.tif")
    file.write_bytes(file.read_bytes()[:-900])

    found = list(NdTiffRecording(ndtiff.path, is_growing=False).fresh())

    assert numbers(found[:2]) == [0, 1]
    with pytest.raises(SourceError, match=r"'time': 2.*the dataset is damaged"):
        found[2].read()


def test_a_dataset_without_its_images_or_index_says_so(ndtiff: Any) -> None:
    ndtiff.write({"time": 0})
    ndtiff.finish()
    (file,) = ndtiff.path.glob("*.tif")
    file.unlink()

    (image,) = NdTiffRecording(ndtiff.path, is_growing=False).fresh()
    with pytest.raises(SourceError, match="cannot be read"):
        image.read()
    (ndtiff.path / INDEX_FILE).unlink()
    with pytest.raises(SourceError, match=r"NDTiff\.index: cannot be read"):
        NdTiffRecording(ndtiff.path, is_growing=False)


@pytest.mark.skipif(not DATA.is_dir(), reason="the datasets are not at ../shared/data")
@pytest.mark.parametrize(
    ("name", "n", "first"),
    [
        ("labeled_positions_1", 3, {"position": "Pos2"}),
        ("12_bit_pycromanager_mda", 8, {"channel": "DAPI", "time": 0}),
        ("ndtiff3.2_multichannel", 256, {"channel": "DAPI", "z": 0, "time": 0}),
    ],
)
def test_real_datasets_are_whole(name: str, n: int, first: dict[str, int | str]) -> None:
    recording = NdTiffRecording(DATA / name, is_growing=False)

    found = list(recording.fresh())

    assert recording.count() == len(found) == n
    assert found[0].axes == first
    assert all(image.read().ndim == 2 and image.time_s is not None for image in found)
    assert found[0].facts.exposure_ms == 10 and found[0].facts.pixel_size_um == 1


def test_opening_prints_nothing(ndtiff: Any) -> None:
    ndtiff.write({"time": 0})
    ndtiff.finish()
    code = "\n".join(
        [
            "import sys; from pathlib import Path",
            "from stentor.scope.replay.ndtiff import NdTiffRecording",
            "assert len(list(NdTiffRecording(Path(sys.argv[1]), is_growing=False).fresh())) == 1",
        ]
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(ndtiff.path)], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == ""
