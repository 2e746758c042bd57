"""Core state: what holds for every image until somebody changes the microscope, read in one go."""

import logging
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from stentor.core.frame import StagePosition
from stentor.core.stage import FrameSpec
from stentor.microscope.affine import is_calibrated
from stentor.microscope.cameras import camera_names
from stentor.microscope.metadata import binning_factor

if TYPE_CHECKING:
    import pymmcore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CoreState:
    """One reading of the core; None: it did not say.

    Attributes
    ----------
    cameras
        Labels of those behind a Multi Camera; else the camera alone.
    affine
        Micro-Manager's pixel size affine for the binning in use; None: uncalibrated.
    pixel_size_um
        For the binning in use; may be known where the affine is not.
    chip_wh
        The whole chip in binned pixels; None: unknown.
    """

    shape_yx: tuple[int, int]
    camera: str
    cameras: tuple[str, ...]
    bit_depth: int
    binning: int
    roi_xywh: tuple[int, int, int, int]
    exposure_ms: float
    channel: str | None
    stage: StagePosition
    affine: tuple[float, ...] | None
    pixel_size_um: float | None
    chip_wh: tuple[int, int] | None


def read_core(core: "pymmcore.CMMCore", *, chip_wh: tuple[int, int] | None = None, may_wait: bool = True) -> CoreState:
    """Ask the core for everything; takes as long as its drives need to answer, so not once a frame.

    Parameters
    ----------
    chip_wh
        Width and height of the whole chip in unbinned pixels; None: unknown.
    may_wait
        Wait for drives that move; if not, where they are is unknown.
    """
    camera = core.getCameraDevice()
    binning = _binning(core, camera)
    left, top, width, height = core.getROI()
    group = core.getChannelGroup()
    return CoreState(
        shape_yx=(core.getImageHeight(), core.getImageWidth()),
        camera=camera,
        cameras=camera_names(core),
        bit_depth=core.getImageBitDepth(),
        binning=binning,
        roi_xywh=(left, top, width, height),
        exposure_ms=core.getExposure(),
        channel=(core.getCurrentConfigFromCache(group) or None) if group else None,
        stage=read_stage(core, may_wait=may_wait),
        affine=_affine(core),
        pixel_size_um=core.getPixelSizeUm() or None,
        chip_wh=None if chip_wh is None else (chip_wh[0] // binning, chip_wh[1] // binning),
    )


def read_stage(core: "pymmcore.CMMCore", *, may_wait: bool = True) -> StagePosition:
    """Wait for the drives to stand still, and ask them where; None for those that do not exist, stop or say a number.

    A drive that does not stop costs the core's own time-out, 5 s unless its TimeoutMs says otherwise; without
    `may_wait` it is not waited for.
    """
    x_um = y_um = z_um = None
    if (drive := core.getXYStageDevice()) and _stands(core, drive, may_wait):
        x_um, y_um = core.getXPosition(drive), core.getYPosition(drive)
    if (drive := core.getFocusDevice()) and _stands(core, drive, may_wait):
        z_um = core.getPosition(drive)
    x_um, y_um, z_um = (None if at is None or not isfinite(at) else at for at in (x_um, y_um, z_um))
    is_known = x_um is not None or z_um is not None
    return StagePosition(x_um, y_um, z_um, origin="read-back" if is_known else None)


def read_spec(core: "pymmcore.CMMCore") -> FrameSpec:
    """Tell what the next images will look like; needs a camera."""
    return FrameSpec(
        shape_yx=(core.getImageHeight(), core.getImageWidth()),
        dtype="uint8" if core.getBytesPerPixel() == 1 else "uint16",
        pixel_size_um=core.getPixelSizeUm() or None,
    )


def read_chip(core: "pymmcore.CMMCore") -> tuple[int, int]:
    """Return width and height of the chip in unbinned pixels; to be called while no region of interest is set."""
    binning = _binning(core, core.getCameraDevice())
    return core.getImageWidth() * binning, core.getImageHeight() * binning


def _stands(core: "pymmcore.CMMCore", drive: str, may_wait: bool) -> bool:
    try:
        if not may_wait:
            return not core.deviceBusy(drive)
        core.waitForDevice(drive)
    except (RuntimeError, TimeoutError) as err:  # the latter of devices written in Python
        logger.warning("%s does not stand still: %s", drive, err)
        return False
    return True


def _binning(core: "pymmcore.CMMCore", camera: str) -> int:
    if not core.hasProperty(camera, "Binning"):
        return 1
    # Text, but a number where the camera is written in Python.
    value: object = core.getProperty(camera, "Binning")
    return binning_factor(value) or 1


def _affine(core: "pymmcore.CMMCore") -> tuple[float, ...] | None:
    affine, pixel_size_um = tuple(core.getPixelSizeAffine()), core.getPixelSizeUm()
    if is_calibrated(affine, pixel_size_um):
        return affine
    if pixel_size_um > 0:
        logger.warning(
            "the pixel size is %g um but its affine is not calibrated: nothing will move on account of pixels; run "
            "Micro-Manager's pixel size calibration and save the .cfg",
            pixel_size_um,
        )
    return None
