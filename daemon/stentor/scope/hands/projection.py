"""Projection: brings a mask drawn on a frame onto the SLM or DMD, lights it for a moment, and makes it dark again."""

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from stentor.control.device_call import ApplyPreset, DeviceCall, Expose, ShowMask, Standing
from stentor.core.action import ProjectMask
from stentor.core.errors import ConfigError
from stentor.core.mask import unpack_mask
from stentor.scope.hands.drivers import Drivers
from stentor.scope.hands.event_calls import preset_call
from stentor.scope.readiness import check_channel, nearest
from stentor.scope.settings import ProjectorSettings

if TYPE_CHECKING:
    import pymmcore

Affine = NDArray[np.float64]
"""Shape (2, 3): from (column, row, 1) of one image to column and row of another."""

WIDEST_PX: Final = 2**15 - 1
"""Side of the largest image that OpenCV warps."""


class Projection:
    """The SLM of one core; used by the thread that holds the hardware."""

    def __init__(self, core: "pymmcore.CMMCore", drivers: Drivers, settings: ProjectorSettings) -> None:
        self._core = core
        self._drivers = drivers
        self._settings = settings

    def calls(self, action: ProjectMask, standing: Standing) -> list[DeviceCall]:
        """Return the device calls of an action, judged together and made in this order.

        Raises
        ------
        ConfigError
            If there is no SLM, it is not calibrated, or the mask is none for what now lies before the objective.
        """
        device = self._device(action)
        self._image(action, device)  # a mask that cannot be shown is refused before anything happens
        _check_place(action, standing)
        calls: list[DeviceCall] = [ShowMask(device=device)]
        if action.duration_ms is None:
            return calls
        calls.append(Expose(duration_ms=action.duration_ms))
        if action.preset is None:
            return calls
        group = self._core.getChannelGroup() if action.group is None else action.group
        check_channel(self._core, group, action.preset)
        before = self._core.getCurrentConfig(group)
        if not before:
            raise ConfigError(
                f"no preset of {group} describes the light as it is now, so that nothing would lead back to it from "
                f"{action.preset}; set one first"
            )
        back = preset_call(self._core, group, before)
        return [preset_call(self._core, group, action.preset), *calls, back]

    def carry_out(self, action: ProjectMask, calls: list[DeviceCall]) -> None:
        """Make the calls. Whatever a device refuses in between, the mask goes dark and the preset goes back."""
        device = self._device(action)
        lit = next(index for index, call in enumerate(calls) if isinstance(call, ShowMask))
        try:
            for call in calls[:lit]:
                self._drivers.make(call)
            self._drivers.show_mask(device, self._image(action, device))
            for call in calls[lit + 1 :]:
                if isinstance(call, Expose):
                    self._drivers.make(call)
        finally:
            if action.duration_ms is not None:
                self._darken(device, [call for call in calls[lit + 1 :] if isinstance(call, ApplyPreset)])

    def _darken(self, device: str, back: list[ApplyPreset]) -> None:
        try:
            self._drivers.darken(device)
        finally:
            for call in back:
                self._drivers.make(call)

    def _device(self, action: ProjectMask) -> str:
        device = action.device or self._settings.device or str(self._core.getSLMDevice())
        if not device:
            raise ConfigError("this microscope has no SLM or DMD; name one as rig.projector.device")
        if device not in self._core.getLoadedDevices():
            raise ConfigError(f"no SLM {device!r}; {nearest(device, self._core.getLoadedDevices())}")
        return device

    def _image(self, action: ProjectMask, device: str) -> NDArray[np.uint8]:
        """Return what the SLM shows: shape (Y, X) of the SLM, 255 where light is wanted."""
        import cv2

        if self._core.getSLMBytesPerPixel(device) != 1:
            raise ConfigError(f"{device} takes colour; only grey SLMs of 8 bit are driven")
        try:
            mask_yx = unpack_mask(action.mask, action.shape_yx)
        except ValueError as err:
            raise ConfigError(str(err)) from err
        if max(mask_yx.shape) > WIDEST_PX:
            raise ConfigError(f"a mask of {mask_yx.shape} pixels; at most {WIDEST_PX} a side can be brought on an SLM")
        size = self._core.getSLMWidth(device), self._core.getSLMHeight(device)
        affine = self._chip_to_slm() @ _frame_to_chip(action)
        return np.asarray(cv2.warpAffine(mask_yx.astype(np.uint8) * 255, affine, size, flags=cv2.INTER_NEAREST))

    def _chip_to_slm(self) -> Affine:
        chip_to_slm = self._settings.chip_to_slm
        if chip_to_slm is None:
            raise ConfigError(
                "the SLM is not calibrated: give rig.projector.chip_to_slm, six numbers that lead from a pixel of the "
                "camera's chip to one of the SLM (docs/how-to/stimulate.md)"
            )
        return np.array(chip_to_slm, np.float64).reshape(2, 3)


def _frame_to_chip(action: ProjectMask) -> Affine:
    """Lead from pixels of the frame to unbinned ones of the chip, shape (3, 3), between centres of pixels."""
    binning = action.binning
    x0, y0 = ((edge + 0.5) * binning - 0.5 for edge in action.roi_xy_px)
    return np.array([[binning, 0.0, x0], [0.0, binning, y0], [0.0, 0.0, 1.0]])


def _check_place(action: ProjectMask, standing: Standing) -> None:
    if action.at_um is None:
        return
    if standing.x_um is None or standing.y_um is None:
        raise ConfigError("the stage does not say where it stands, so that nobody knows what the mask would light")
    away_um = math.hypot(standing.x_um - action.at_um[0], standing.y_um - action.at_um[1])
    if not away_um <= action.within_um:
        raise ConfigError(
            f"the stage has moved {away_um:.1f} um since the frame on which the mask was drawn; at most "
            f"{action.within_um:g} um"
        )
