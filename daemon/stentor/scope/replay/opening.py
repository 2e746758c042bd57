"""Opening: which kind of recording lies at a path."""

from pathlib import Path
from typing import Final

from stentor.core.errors import ConfigError, SourceError
from stentor.core.stage import FrameSpec
from stentor.scope.replay.folder import TIFF, FolderRecording
from stentor.scope.replay.header import pixel_size_of
from stentor.scope.replay.ndtiff import INDEX_FILE, NdTiffRecording
from stentor.scope.replay.recording import RecordedImage, Recording
from stentor.scope.replay.settings import ReplaySettings
from stentor.scope.replay.tiff import TiffRecording
from stentor.wire.complaint import complaint

REMEDY: Final = "give a TIFF, an NDTiff dataset, or a folder of PNG or TIFF images"


def open_recording(settings: ReplaySettings) -> Recording:
    """Open what lies at the settings' path.

    Raises
    ------
    ConfigError
        If nothing does that can be replayed so; the message names the remedy.
    SourceError
        If it is damaged.
    """
    if settings.path is None:
        raise ConfigError(f"rig.replay.path is missing; {REMEDY}")
    path = Path(settings.path)
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder; {REMEDY}")
    if path.is_dir():
        return _open_folder(path, settings)
    if settings.follow:
        raise ConfigError(f"{path}: a file cannot be followed; follow the folder or NDTiff dataset that is written to")
    if path.suffix.lower() not in TIFF:
        raise ConfigError(f"{path}: not a TIFF by its name; {REMEDY}")
    if (path.parent / INDEX_FILE).is_file():
        raise ConfigError(f"{path}: part of an NDTiff dataset; give its folder, {path.parent}")
    return TiffRecording(path, axis=settings.axis or "time")


def _open_folder(path: Path, settings: ReplaySettings) -> Recording:
    if (path / INDEX_FILE).is_file():
        return NdTiffRecording(path, is_growing=settings.follow)
    if settings.glob is not None and (Path(settings.glob).is_absolute() or ".." in Path(settings.glob).parts):
        raise ConfigError(f"rig.replay.glob: {settings.glob!r} leads out of the folder; give a pattern within it")
    folder = FolderRecording(path, glob=settings.glob, axis=settings.axis or "position", is_growing=settings.follow)
    if not settings.follow and not folder.count():
        raise ConfigError(f"{path}: holds no image named {settings.glob or '*.png or *.tif'}; {REMEDY}")
    return folder


def spec_of(image: RecordedImage, settings: ReplaySettings) -> FrameSpec | None:
    """Tell what frames like this image look like; None: it is none that can be analysed."""
    try:
        pixels = image.read()
    except SourceError:
        return None
    if complaint(pixels) is not None:
        return None
    return FrameSpec((pixels.shape[0], pixels.shape[1]), pixels.dtype.name, pixel_size_of(image.facts, settings))
