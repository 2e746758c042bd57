"""Folder recording: single images in one folder, PNG or TIFF, in the natural order of their names."""

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from stentor.core.errors import SourceError
from stentor.scope.replay.recording import RecordedImage
from stentor.scope.replay.settings import AxisName
from stentor.scope.replay.tiff_page import BROKEN, read_page

PNG: Final = frozenset({".png"})
TIFF: Final = frozenset({".tif", ".tiff"})
SETTLED_S: Final = 0.5
"""A followed file is whole when it has not changed for so long before our eyes; a server stamps by its own clock."""


class FolderRecording:
    """Each file is one image: its axes are its number, under the name of `axis`, and its name within the folder.

    Parameters
    ----------
    glob
        Which files, as a relative pattern; None: every PNG and TIFF.
    is_growing
        Files still appear: one is taken only when it is no longer written to, and its number is the order in which
        they came.
    """

    can_grow = True

    def __init__(self, path: Path, *, glob: str | None, axis: AxisName, is_growing: bool) -> None:
        self._path = path
        self._glob = glob or "*"
        self._axis = axis
        self._is_growing = is_growing
        self._taken: set[str] = set()
        self._watched: dict[str, tuple[int, int, float]] = {}

    def fresh(self) -> Iterator[RecordedImage]:
        new = [path for path in self._files() if self._name(path) not in self._taken]
        is_whole = {path: not self._is_growing or self._is_settled(path) for path in new}
        for path in new:
            if not is_whole[path]:
                return  # those behind it wait, too, to keep their order
            name = self._name(path)
            axes: dict[str, int | str] = {self._axis: len(self._taken), "name": name}
            self._taken.add(name)
            self._watched.pop(name, None)
            yield RecordedImage(name, axes, partial(read_image, path))

    def count(self) -> int:
        return len(self._files())

    def close(self) -> None:
        pass

    def _name(self, path: Path) -> str:
        return path.relative_to(self._path).as_posix()

    def _is_settled(self, path: Path) -> bool:
        try:
            stat = path.stat()
        except OSError:  # renamed or deleted in between
            return False
        now, name = time.monotonic(), self._name(path)
        size, changed_ns, since = self._watched.get(name, (-1, 0, now))
        if (stat.st_size, stat.st_mtime_ns) == (size, changed_ns):
            return now - since >= SETTLED_S
        self._watched[name] = (stat.st_size, stat.st_mtime_ns, now)
        return False

    def _files(self) -> list[Path]:
        found = (path for path in self._path.glob(self._glob) if path.suffix.lower() in PNG | TIFF and path.is_file())
        return sorted(found, key=lambda path: natural_key(self._name(path)))


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sort by numbers where names have numbers.

    >>> sorted(["t10.png", "t9.png"], key=natural_key)
    ['t9.png', 't10.png']
    """
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def read_image(path: Path) -> NDArray[Any]:
    """Read a file that holds one image.

    Raises
    ------
    SourceError
        If it is damaged or holds something else.
    """
    try:
        return _read_tiff(path) if path.suffix.lower() in TIFF else _read_png(path)
    except OSError as err:
        raise SourceError(f"{path}: cannot be read: {err.strerror}; look at the disk") from err


def _read_png(path: Path) -> NDArray[Any]:
    data = np.fromfile(path, np.uint8)
    # OpenCV raises on an empty buffer and returns None for a damaged one.
    pixels: NDArray[Any] | None = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if pixels is None:
        raise SourceError(f"{path}: not a whole PNG; it is damaged or was not written to its end")
    return pixels


def _read_tiff(path: Path) -> NDArray[Any]:
    try:
        with tifffile.TiffFile(path) as file:
            first, n_pages = file.pages[0], len(file.pages)
            if n_pages == 1:
                return read_page(path, first)
    except BROKEN as err:
        raise SourceError(f"{path}: not a whole TIFF ({err}); it is damaged or was not written to its end") from err
    raise SourceError(f"{path}: holds {n_pages} images, not one; replay that file by itself")
