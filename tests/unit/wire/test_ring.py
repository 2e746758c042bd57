"""Ring: whole frames or none, nothing left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from stentor.core.errors import SourceError
from stentor.wire import platforms
from stentor.wire.ring import PREFIX, RingReader, RingWriter, SlotRef, sweep


def frame(value: int, shape: tuple[int, int] = (32, 48)) -> np.ndarray:
    return np.full(shape, value, np.uint16)


def test_a_reader_gets_the_pixels_that_were_put(tmp_path: Path) -> None:
    writer, reader = RingWriter(frame(0).nbytes, 4, tmp_path), RingReader(tmp_path)
    target = np.empty((32, 48), np.uint16)

    reference = writer.put(frame(7))

    assert reader.copy(reference, target)
    assert (target == 7).all()
    reader.close()
    writer.close()


def test_an_overwritten_slot_is_refused(tmp_path: Path) -> None:
    writer, reader = RingWriter(frame(0).nbytes, 2, tmp_path), RingReader(tmp_path)
    old = writer.put(frame(1))
    writer.put(frame(2))
    writer.put(frame(3))

    assert not reader.copy(old, np.empty((32, 48), np.uint16))
    reader.close()
    writer.close()


def test_a_slot_that_is_being_written_is_refused(tmp_path: Path) -> None:
    writer, reader = RingWriter(frame(0).nbytes, 2, tmp_path), RingReader(tmp_path)
    reference = writer.put(frame(1))
    writer._sequences[reference.slot] = reference.sequence + 1  # as the writer leaves it in mid-copy

    assert not reader.copy(reference, np.empty((32, 48), np.uint16))
    reader.close()
    writer.close()


@pytest.mark.parametrize(
    "change",
    [{"ring": "nobody"}, {"ring": f"{PREFIX}../../etc/passwd"}, {"slot": 99}, {"slot": -1}, {"n_slots": 7}],
)
def test_a_descriptor_that_lies_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    writer, reader = RingWriter(frame(0).nbytes, 2, tmp_path), RingReader(tmp_path)
    reference = msgspec.structs.replace(writer.put(frame(1)), **change)

    assert not reader.copy(reference, np.empty((32, 48), np.uint16))
    reader.close()
    writer.close()


def test_a_frame_larger_than_the_slot_is_refused(tmp_path: Path) -> None:
    writer, reader = RingWriter(frame(0).nbytes, 2, tmp_path), RingReader(tmp_path)
    reference = writer.put(frame(1))

    assert not reader.copy(reference, np.empty((3200, 48), np.uint16))
    reader.close()
    writer.close()


def test_a_closed_writer_leaves_no_file(tmp_path: Path) -> None:
    writer = RingWriter(1000, 2, tmp_path)
    assert list(tmp_path.iterdir())

    writer.close()
    writer.close()

    assert not list(tmp_path.iterdir())


def test_a_sweep_spares_the_living_and_takes_the_killed(tmp_path: Path) -> None:
    alive = RingWriter(1000, 2, tmp_path)
    code = (
        "import sys, pathlib; from stentor.wire.ring import RingWriter\n"
        "w = RingWriter(1000, 2, pathlib.Path(sys.argv[1])); print(w.name, flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    assert sweep(tmp_path) == []

    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=10)

    assert sweep(tmp_path) == [name]
    assert [path.name for path in tmp_path.iterdir()] == [alive.name]
    alive.close()


def test_a_full_memory_disk_is_an_error_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(descriptor: int, nbytes: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(platforms, "reserve", no_room)

    with pytest.raises(SourceError, match="ring_slots"):
        RingWriter(1000, 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_old_rings_are_forgotten_when_frames_change_their_size(tmp_path: Path) -> None:
    reader = RingReader(tmp_path, keep=2)
    writers = [RingWriter(1000, 2, tmp_path) for _ in range(4)]
    target = np.empty((10, 10), np.uint8)

    copied = [reader.copy(writer.put(np.full((10, 10), n, np.uint8)), target) for n, writer in enumerate(writers)]

    assert copied == [True] * 4
    assert len(reader._open) == 2
    reader.close()
    for writer in writers:
        writer.close()


def test_slot_references_survive_the_wire() -> None:
    reference = SlotRef("stentor-ring-1", 3, 8, 16, 8192)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(reference), type=SlotRef) == reference


def test_a_ring_whose_file_was_deleted_fits_nothing_any_more(tmp_path: Path) -> None:
    writer = RingWriter(100, 2, tmp_path)
    assert writer.fits(100)

    (tmp_path / writer.name).unlink()

    assert not writer.fits(100)
    writer.close()
