"""Readiness: refuses what a core would lose without a word, before the first image is taken."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stentor.core.errors import ConfigError, SourceError
from stentor.scope.event_feed import asks_for_image

if TYPE_CHECKING:
    import pymmcore
    import useq

LONGEST_EXPOSURE_MS = 3_600_000.0


def check_camera(core: "pymmcore.CMMCore") -> None:
    """Make sure that there is a camera, that it is idle and that its pixels can be used.

    Raises
    ------
    SourceError
        There is none, live mode is on (pycromanager then loses every image without a word), or it makes colour.
    """
    if not core.getCameraDevice():
        raise SourceError("the core has no camera; set Core-Camera in the .cfg's System/Startup preset")
    if core.isSequenceRunning():
        raise SourceError(
            f"{core.getCameraDevice()} is already running: live mode is on, switch it off and start again"
        )
    check_pixel_type(core.getNumberOfComponents(), core.getBytesPerPixel(), core.getCameraDevice())


def check_pixel_type(components: int, bytes_per_pixel: int, camera: str) -> None:
    """Refuse pixels that are neither 8 nor 16 bit grey, with SourceError."""
    if components != 1:
        raise SourceError(
            f"{camera} makes colour images of {components} components; set its PixelType property to 8bit or 16bit"
        )
    if bytes_per_pixel not in (1, 2):
        raise SourceError(
            f"{camera} makes pixels of {8 * bytes_per_pixel} bit; set its PixelType property to 8bit or 16bit"
        )


class EventCheck:
    """Checks events against one core, which it asks once per preset."""

    def __init__(self, core: "pymmcore.CMMCore") -> None:
        self._core = core
        self._passed: set[tuple[str, str]] = set()

    def __call__(self, event: "useq.MDAEvent") -> None:
        """Raise ConfigError for an event that this core cannot carry out."""
        if event.channel is not None and (preset := (event.channel.group, event.channel.config)) not in self._passed:
            check_channel(self._core, *preset)
            self._passed.add(preset)
        if event.exposure is not None:
            check_exposure(event.exposure)
        if (event.x_pos is not None or event.y_pos is not None) and not self._core.getXYStageDevice():
            raise ConfigError(f"event {dict(event.index)} wants an xy position, but the core has no xy drive")
        if event.z_pos is not None and asks_for_image(event) and not self._core.getFocusDevice():
            raise ConfigError(f"event {dict(event.index)} wants a z position, but the core has no focus drive")


def check_channel(core: "pymmcore.CMMCore", group: str, preset: str) -> None:
    """Refuse a channel group or preset that the core does not know, with ConfigError and the nearest names."""
    groups = core.getAvailableConfigGroups()
    if group not in groups:
        raise ConfigError(f"no channel group {group!r} in the core's configuration; {nearest(group, groups)}")
    presets = core.getAvailableConfigs(group)
    if preset not in presets:
        raise ConfigError(f"no channel {preset!r} in group {group!r}; {nearest(preset, presets)}")


def check_property(core: "pymmcore.CMMCore", device: str, name: str) -> None:
    """Refuse a property that a device does not have by exactly this name, and the position of a drive.

    Limits know properties by their names, and a core's C interface reads a name only up to a NUL: "Gain\\0" would set
    the gain past its limits. A drive's position has limits of its own, which a property would go around.
    """
    labels = core.getLoadedDevices()
    if device not in labels:
        raise ConfigError(f"no device {device!r}; {nearest(device, labels)}")
    names = core.getDevicePropertyNames(device)
    if name not in names:
        raise ConfigError(f"{device} has no property {name!r}; {nearest(name, names)}")
    if name == "Position" and int(core.getDeviceType(device)) in _drive_types():
        raise ConfigError(f"{device}.Position moves a drive past its limits; ask for a move in its place")


def _drive_types() -> tuple[int, int]:
    import pymmcore

    return int(pymmcore.StageDevice), int(pymmcore.XYStageDevice)


def check_exposure(exposure_ms: float) -> None:
    """Refuse an exposure that no camera can make, with ConfigError."""
    if not 0 < exposure_ms < LONGEST_EXPOSURE_MS:
        raise ConfigError(
            f"an exposure of {exposure_ms} ms cannot be made; give milliseconds, more than 0 and less than an hour"
        )


def set_exposure(core: "pymmcore.CMMCore", exposure_ms: float) -> None:
    """Set an exposure and read it back: drivers correct what they dislike without a word.

    Raises
    ------
    ConfigError
        It is out of all reason, or the camera keeps another one, more than a tenth away.
    """
    check_exposure(exposure_ms)
    core.setExposure(exposure_ms)
    kept_ms = core.getExposure()
    if abs(kept_ms - exposure_ms) > max(0.1 * exposure_ms, 0.1):
        raise ConfigError(f"{core.getCameraDevice()} takes no exposure of {exposure_ms} ms, it keeps {kept_ms:g} ms")


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names were probably meant.

    >>> nearest("Dapi", ["DAPI", "FITC"])
    'did you mean DAPI? Known: DAPI, FITC'
    """
    names = sorted(known)
    if not names:
        return "there are none"
    by_lower = {known_name.lower(): known_name for known_name in names}
    close = [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=2)]
    return (f"did you mean {' or '.join(close)}? " if close else "") + f"Known: {', '.join(names)}"
