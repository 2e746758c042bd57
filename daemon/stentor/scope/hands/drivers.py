"""Drivers: make device calls on a core, wait until they are done, and read back how the hardware stands."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stentor.control.device_call import ApplyPreset, DeviceCall, Drive, Expose, SetTime, SetValue, Standing
from stentor.control.settings import GuardSettings
from stentor.core.action import SetRoi
from stentor.core.errors import StentorError
from stentor.core.stranger import strangers_code
from stentor.microscope.core_state import read_stage

if TYPE_CHECKING:
    import pymmcore


@contextmanager
def asking_devices() -> Iterator[None]:
    """Raise as RuntimeError whatever a device raises: Micro-Manager's own errors are such, a Python device's any.

    A drive of the simulated microscope that did not arrive in time raised TimeoutError, and ended the acquisition.
    """
    with strangers_code(_as_device_error):
        yield


def _as_device_error(err: Exception) -> Exception:
    is_ours = isinstance(err, (RuntimeError, StentorError))
    return err if is_ours else RuntimeError(f"{type(err).__name__}: {err}")


class Drivers:
    """Used by the thread that holds the hardware. Everything raises RuntimeError when a device refuses."""

    def __init__(self, core: "pymmcore.CMMCore", watched: Iterable[str]) -> None:
        self._core = core
        self._watched = tuple(name.partition(".")[::2] for name in watched)

    @asking_devices()
    def make(self, call: DeviceCall) -> None:
        """Make one call that the guard has admitted, and wait until it is done."""
        core = self._core
        match call:
            case Drive():
                self._drive(call)
            case SetValue(device=device, property=name, value=value):
                core.setProperty(device, name, value)
                core.waitForDevice(device)
            case ApplyPreset(group=group, preset=preset):
                core.setConfig(group, preset)
                core.waitForConfig(group, preset)
            case SetTime(exposure_ms=exposure_ms):
                if exposure_ms is not None:
                    core.setExposure(exposure_ms)
            case Expose(duration_ms=duration_ms):
                self._pulse(duration_ms)

    @asking_devices()
    def set_roi(self, roi: SetRoi) -> None:
        """Read a region of the chip, or the whole again."""
        if roi.width_px is None or roi.height_px is None:
            self._core.clearROI()
        else:
            self._core.setROI(roi.x_px, roi.y_px, roi.width_px, roi.height_px)

    @asking_devices()
    def show_mask(self, device: str, image_yx: NDArray[np.uint8]) -> None:
        """Show an image of the SLM's own shape; it stays until the next."""
        self._core.setSLMImage(device, image_yx)
        self._core.displaySLMImage(device)

    @asking_devices()
    def darken(self, device: str) -> None:
        """Show nothing on an SLM."""
        self._core.setSLMPixelsTo(device, 0)
        self._core.displaySLMImage(device)

    @asking_devices()
    def standing(self, *, may_wait: bool = True) -> Standing:
        """Ask the hardware how it stands; a drive that does not say, or does not stop, is None.

        `may_wait`: wait for drives that still move, at most as long as the core does.
        """
        core = self._core
        stage = read_stage(core, may_wait=may_wait)
        group = core.getChannelGroup()
        values: dict[str, str | float] = {}
        for device, name in self._watched:
            if device in core.getLoadedDevices() and core.hasProperty(device, name):
                values[f"{device}.{name}"] = _number_or_text(core.getProperty(device, name))
        return Standing(
            x_um=stage.x_um,
            y_um=stage.y_um,
            z_um=stage.z_um,
            channel=(core.getCurrentConfigFromCache(group) or None) if group else None,
            values=values,
        )

    @asking_devices()
    def values(self, names: Iterable[str]) -> dict[str, str]:
        """Ask for the values of properties, "Device.Property"."""
        return {name: str(self._core.getProperty(*name.partition(".")[::2])) for name in names}

    @asking_devices()
    def places(self) -> tuple[float | None, float | None, float | None]:
        """Ask where x, y and z are now, moving or not; None: there is no such drive, or what it says is no number."""
        core = self._core
        x_um = y_um = z_um = None
        if drive := core.getXYStageDevice():
            x_um, y_um = core.getXPosition(drive), core.getYPosition(drive)
        if drive := core.getFocusDevice():
            z_um = core.getPosition(drive)
        x_um, y_um, z_um = (None if at is None or not isfinite(at) else at for at in (x_um, y_um, z_um))
        return x_um, y_um, z_um

    def knows_all(self, standing: Standing) -> bool:
        """Tell whether every drive that there is said where it stands."""
        is_xy_known = not self._core.getXYStageDevice() or standing.x_um is not None
        return is_xy_known and (not self._core.getFocusDevice() or standing.z_um is not None)

    def field_um(self) -> float:
        """Return the side of the smallest square, sides along the drive's axes, around the whole image; 0: unknown."""
        core = self._core
        xx, xy, _, yx, yy, _ = core.getPixelSizeAffine()
        width, height = core.getImageWidth(), core.getImageHeight()
        return float(max(abs(xx) * width + abs(xy) * height, abs(yx) * width + abs(yy) * height))

    def _drive(self, call: Drive) -> None:
        core = self._core
        if call.x_um is not None or call.y_um is not None:
            drive = core.getXYStageDevice()
            x_um = core.getXPosition(drive) if call.x_um is None else call.x_um
            y_um = core.getYPosition(drive) if call.y_um is None else call.y_um
            core.setXYPosition(drive, x_um, y_um)
            core.waitForDevice(drive)
        if call.z_um is not None:
            drive = core.getFocusDevice()
            core.setPosition(drive, call.z_um)
            core.waitForDevice(drive)

    def _pulse(self, duration_ms: float) -> None:
        core = self._core
        shutter = core.getShutterDevice()
        was_auto = core.getAutoShutter()
        core.setAutoShutter(False)
        try:
            core.setShutterOpen(shutter, True)
            time.sleep(duration_ms / 1000)
        finally:
            try:
                core.setShutterOpen(shutter, False)
            finally:
                # A shutter that did not close now is closed by the next image, if it was one of its own accord.
                core.setAutoShutter(was_auto)


def watched_names(settings: GuardSettings) -> frozenset[str]:
    """Return the properties, as "Device.Property", whose values the guard must know."""
    lamp = settings.dose.lamp
    return frozenset(settings.properties) | (frozenset() if lamp is None else {lamp})


def check_names(core: "pymmcore.CMMCore", settings: GuardSettings) -> None:
    """Refuse limits on devices and properties that are not there, with ConfigError and the nearest names."""
    from stentor.core.errors import ConfigError
    from stentor.scope.readiness import nearest

    labels = core.getLoadedDevices()
    for device in settings.devices:
        if device not in labels:
            raise ConfigError(f"guard.devices: no device {device!r}; {nearest(device, labels)}")
    for name in [*watched_names(settings), *settings.safe]:
        device, _, key = name.partition(".")
        if device not in labels:
            raise ConfigError(f"guard: {name!r}: no device {device!r}; {nearest(device, labels)}")
        if not core.hasProperty(device, key):
            known = core.getDevicePropertyNames(device)
            raise ConfigError(f"guard: {name!r}: {device} has no property {key!r}; {nearest(key, known)}")


def _number_or_text(value: object) -> str | float:
    try:
        return float(str(value))
    except ValueError:
        return str(value)
