"""NDTiff recording: a dataset of Micro-Manager's and pycromanager's own format, also while it is being written."""

import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from ndstorage.file_io import NDTiffFileIO
from ndstorage.ndtiff_file import SingleNDTiffReader
from ndstorage.ndtiff_index import NDTiffIndexEntry
from numpy.typing import NDArray

from stentor.core.errors import SourceError
from stentor.scope.replay.micro_manager import facts_of, time_s_of
from stentor.scope.replay.recording import RecordedImage

INDEX_FILE: Final = "NDTiff.index"
KNOWN_PIXEL_TYPES: Final = range(7)
# Unbuffered: a read-ahead of a file that is being written holds the zeros that stood there before.
FILES: Final = NDTiffFileIO(open_function=partial(open, buffering=0))


class NdTiffRecording:
    """The images of a dataset in the order in which they were written.

    ndstorage reads the images and understands the index, entry by entry; its own dataset class reads an index once
    and to its end, and one that is being written ends anywhere.

    Raises
    ------
    SourceError
        If the index cannot be read.
    """

    can_grow = True

    def __init__(self, path: Path, *, is_growing: bool) -> None:
        self._path = path
        self._is_growing = is_growing
        self._readers: dict[str, SingleNDTiffReader] = {}
        self._read_to = 0
        self._index()  # tells now that it cannot be read

    def fresh(self) -> Iterator[RecordedImage]:
        begin, data = self._read_to, self._index()
        for self._read_to, axes, entry in entries(data, begin):
            yield self._image(axes, entry)
        if not self._is_growing and any(data[self._read_to :]):
            self._read_to = len(data)
            yield RecordedImage(INDEX_FILE, {}, self._refuse_the_rest)

    def count(self) -> int:
        data, end, n = self._index(), 0, 0
        for n, (end, _, _) in enumerate(entries(data, 0), 1):  # noqa: B007 (the last ones are wanted)
            pass
        return n + any(data[end:])

    def close(self) -> None:
        while self._readers:
            self._readers.popitem()[1].close()

    def _index(self) -> bytes:
        path = self._path / INDEX_FILE
        try:
            return path.read_bytes()
        except OSError as err:
            raise SourceError(f"{path}: cannot be read: {err.strerror}; look at the disk") from err

    def _image(self, axes: dict[str, int | str], entry: NDTiffIndexEntry) -> RecordedImage:
        try:
            metadata = self._reader(entry.filename).read_metadata(entry)
        except (ValueError, OSError):  # the pixels may be whole all the same, and are tried when their turn comes
            metadata = None
        described = metadata if isinstance(metadata, dict) else {}
        load = partial(self._load, axes, entry)
        return RecordedImage(f"image {axes}", axes, load, time_s_of(described), facts_of(described))

    def _load(self, axes: dict[str, int | str], entry: NDTiffIndexEntry) -> NDArray[Any]:
        where = f"{self._path / entry.filename}: image {axes}"
        if entry.pixel_type not in KNOWN_PIXEL_TYPES:
            raise SourceError(f"{where} has pixels of the unknown kind {entry.pixel_type}; update ndstorage")
        try:
            pixels: NDArray[Any] = self._reader(entry.filename).read_image(entry)
        except (ValueError, OSError) as err:
            raise SourceError(f"{where} cannot be read: {err}; the dataset is damaged") from err
        return pixels

    def _reader(self, filename: str) -> SingleNDTiffReader:
        if filename not in self._readers:
            # Summary metadata given: it reads no header, which is of no use here.
            path = str(self._path / Path(filename).name)
            self._readers[filename] = SingleNDTiffReader(path, file_io=FILES, summary_md={})
        return self._readers[filename]

    def _refuse_the_rest(self) -> NDArray[Any]:
        raise SourceError(f"{self._path / INDEX_FILE}: breaks off; the dataset was not written to its end")


def entries(data: bytes, begin: int) -> Iterator[tuple[int, dict[str, int | str], NDTiffIndexEntry]]:
    """Yield the whole entries of an index from the byte `begin` on: where each ends, its axes and the entry.

    Part of an entry, or zeros in its place, end it: the rest is not written yet.
    """
    position = begin
    while any(data[position : position + 4]):
        try:
            position, axes, entry = NDTiffIndexEntry.unpack_single_index_entry(data, position)
        except (struct.error, ValueError):
            return
        sizes = (entry.pix_offset, entry.image_width, entry.image_height, entry.metadata_offset, entry.metadata_length)
        if not all(sizes) or "\0" in entry.filename:
            return
        yield position, axes, entry
