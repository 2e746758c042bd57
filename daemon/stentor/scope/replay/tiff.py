"""TIFF recording: the pages of one TIFF or OME-TIFF, read one by one."""

import math
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from stentor.core.errors import SourceError
from stentor.scope.replay.micro_manager import facts_of, time_s_of
from stentor.scope.replay.ome import OmeImage, read_ome
from stentor.scope.replay.recording import Facts, RecordedImage
from stentor.scope.replay.settings import AxisName
from stentor.scope.replay.tiff_page import BROKEN, read_page

UNNAMED_AXES: Final = frozenset("QI")
MICRO_MANAGER_TAG: Final = 51123
MICRON: Final = frozenset({"um", "µm", "μm", "\\u00b5m", "\\u00B5m", "micron", "microns"})


class TiffRecording:
    """The images of all series of a file, in the order of its pages; series of an OME-TIFF are positions.

    Parameters
    ----------
    axis
        Name of an axis that the file leaves without one.

    Raises
    ------
    SourceError
        If the file is no TIFF, or damaged from its beginning.
    """

    can_grow = False

    def __init__(self, path: Path, *, axis: AxisName) -> None:
        self._path = path
        self._axis = axis
        try:
            self._file = tifffile.TiffFile(path)
            self._series = _series_of(self._file)
        except BROKEN as err:
            raise SourceError(f"{path}: no TIFF that can be read: {err}; give a whole one, or a folder") from err
        self._ome = read_ome(self._file.ome_metadata or "") if self._file.is_ome else []
        self._is_told = False

    def fresh(self) -> Iterator[RecordedImage]:
        if self._is_told:
            return
        self._is_told = True
        if len(self._series) > 1 and len(self._ome) == len(self._series):
            yield from _in_order_of_time([image for k in range(len(self._series)) for image in self._images_of(k)])
        else:
            for k in range(len(self._series)):
                yield from self._images_of(k)
        if self._breaks_off():
            yield RecordedImage(self._path.name, {}, self._refuse_the_rest)

    def count(self) -> int:
        return self._whole + self._breaks_off()

    @property
    def _whole(self) -> int:
        return sum(math.prod(_leading(series)[1]) for series in self._series)

    def close(self) -> None:
        self._file.close()

    def _images_of(self, k: int) -> Iterator[RecordedImage]:
        series = self._series[k]
        letters, shape = _leading(series)
        ome = self._ome[k] if len(self._ome) == len(self._series) else None
        for index in range(math.prod(shape)):
            place = dict(zip(letters, (int(i) for i in np.unravel_index(index, shape)), strict=True)) if shape else {}
            axes: dict[str, int | str] = {
                self._axis if letter in UNNAMED_AXES else letter: number for letter, number in place.items()
            }
            if len(self._series) > 1:
                axes = {"series": k, **axes} if ome is None else {"position": _position_name(self._ome, k), **axes}
            time_s, facts = ome.plane(place) if ome is not None else self._described(series, index, place)
            load = partial(self._load, series, index)
            yield RecordedImage(f"{self._path.name}, image {index}", axes, load, time_s, facts)

    def _described(
        self, series: tifffile.TiffPageSeries, index: int, place: dict[str, int]
    ) -> tuple[float | None, Facts]:
        """Return what Micro-Manager or ImageJ wrote."""
        page = series.pages[index] if self._file.is_micromanager and index < len(series.pages) else None
        if page is not None:
            tag = page.aspage().tags.get(MICRO_MANAGER_TAG)
            if tag is not None and isinstance(tag.value, dict):
                return time_s_of(tag.value), facts_of(tag.value)
        said = self._file.imagej_metadata or {}
        interval_s, t = said.get("finterval"), place.get("T")
        time_s = interval_s * t if isinstance(interval_s, (int, float)) and interval_s > 0 and t is not None else None
        return time_s, Facts(pixel_size_um=_imagej_pixel_size_um(series, said))

    def _load(self, series: tifffile.TiffPageSeries, index: int) -> NDArray[Any]:
        if index >= len(series.pages):
            return self._load_without_page(series, index)
        page = series.pages[index]
        if page is None:
            raise SourceError(f"{self._path}: image {index} is missing from the file")
        return read_page(self._path, page)

    def _load_without_page(self, series: tifffile.TiffPageSeries, index: int) -> NDArray[Any]:
        """Read from a file that describes its first image only, as ImageJ writes beyond 4 GB."""
        first = series.keyframe
        dtype, offset = np.dtype(series.dtype).newbyteorder(self._file.byteorder), series.dataoffset
        if offset is None:
            raise SourceError(f"{self._path}: image {index} is missing from the file")
        try:
            pixels = np.fromfile(self._path, dtype, math.prod(first.shape), offset=offset + index * first.nbytes)
            return pixels.reshape(first.shape)
        except BROKEN as err:
            raise SourceError(f"{self._path}: image {index} cannot be read: {err}; the file is damaged") from err

    def _breaks_off(self) -> bool:
        """Tell whether the list of pages leads past the end of the file."""
        form, handle = self._file.tiff, self._file.filehandle
        try:
            handle.seek(self._file.pages[-1].offset)
            (n_tags,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
            handle.seek(n_tags * form.tagsize, 1)
            (following,) = struct.unpack(form.offsetformat, handle.read(form.offsetsize))
        except BROKEN:
            return True
        return bool(following)

    def _refuse_the_rest(self) -> NDArray[Any]:
        raise SourceError(f"{self._path}: breaks off after {self._whole} images; it was not written to its end")


def _series_of(file: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """Return the series; of a file that breaks off in the middle of a page's description, its whole pages as one."""
    try:
        return [series for series in file.series if len(series.pages)]
    except BROKEN:
        pages: list[tifffile.TiffPage | tifffile.TiffFrame] = []
        with suppress(*BROKEN):
            pages.extend(file.pages)
        if not pages:
            raise
        first = pages[0]
        return [tifffile.TiffPageSeries(pages, (len(pages), *first.shape), first.dtype, "Q" + first.axes)]


def _leading(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Return the axes of a series that count its pages, and their lengths."""
    n = len(series.axes) - len(series.keyframe.axes)
    if n >= 0 and series.axes[n:] == series.keyframe.axes:
        return series.axes[:n], tuple(series.shape[:n])
    return "Q", (len(series.pages),)


def _position_name(images: list[OmeImage], k: int) -> int | str:
    names = [image.name for image in images]
    return names[k] if all(names) and len(set(names)) == len(names) else k


def _in_order_of_time(images: list[RecordedImage]) -> list[RecordedImage]:
    """Sort the images of several positions as they were taken, if the file says when."""
    times = [image.time_s for image in images if image.time_s is not None]
    if len(times) < len(images):
        return images
    return sorted(images, key=lambda image: image.time_s or 0.0)


def _imagej_pixel_size_um(series: tifffile.TiffPageSeries, said: dict[str, Any]) -> float | None:
    tag = series.keyframe.tags.get("XResolution")
    if tag is None or str(said.get("unit")) not in MICRON:
        return None
    pixels, units = tag.value
    return units / pixels if pixels and units else None
