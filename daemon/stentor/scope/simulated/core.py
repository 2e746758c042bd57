"""Simulated core: Micro-Manager's core interface with the simulated microscope's devices loaded."""

import logging
import weakref
from collections.abc import Callable

from pymmcore import CMMCore
from pymmcore_plus.experimental.unicore import UniMMCore

from stentor.scope.simulated.camera import SimulatedCamera
from stentor.scope.simulated.drives import SimulatedFocus, SimulatedXYStage
from stentor.scope.simulated.illumination import SimulatedFilterWheel, SimulatedLamp, SimulatedShutter
from stentor.scope.simulated.light import CHANNEL_LABELS
from stentor.scope.simulated.microscope import Microscope
from stentor.scope.simulated.microscope_clock import MicroscopeClock
from stentor.scope.simulated.placement import pixel_to_stage
from stentor.scope.simulated.projector import SimulatedSLM
from stentor.scope.simulated.settings import SimulatedSettings

CAMERA, XY_STAGE, FOCUS = "Camera", "XY", "Z"
LAMP, SHUTTER, FILTERS, SLM = "Lamp", "Shutter", "Filters", "SLM"
CHANNEL_GROUP = "Channel"


class SimulatedCore(UniMMCore):
    """A `UniMMCore` that knows its microscope: `core.microscope` is the side door to the truth.

    Everything else goes through Micro-Manager's interface. `close` it when done; it emits no events afterwards.
    """

    microscope: Microscope
    camera: SimulatedCamera

    def stopSequenceAcquisition(self, cameraLabel: str | None = None) -> None:  # noqa: N802, N803
        """Stop a sequence, cutting a long exposure short instead of waiting for it."""
        self.camera.give_up()
        if cameraLabel is None:
            super().stopSequenceAcquisition()
        else:
            super().stopSequenceAcquisition(cameraLabel)

    def close(self) -> None:
        """Stop the camera, unload the devices, finish writing truths; may be called twice."""
        if self.isSequenceRunning():
            self.stopSequenceAcquisition()
        self.unloadAllDevices()
        # The core tells of the unloading in a thread of its own. If the interpreter ends meanwhile, that thread aborts
        # the process (seen in 7 of 10 runs with pymmcore 12.5.1); without a callback there is nothing left to tell.
        CMMCore.registerCallback(self, None)
        self.microscope.close()


def open_simulated_core(
    settings: SimulatedSettings | None = None, clock: MicroscopeClock | None = None
) -> SimulatedCore:
    """Build a simulated microscope and load it into a core, ready to snap.

    Parameters
    ----------
    settings
        None: the defaults.
    clock
        None: real time. A `HandClock` makes every wait instant, for tests.

    Raises
    ------
    ConfigError
        If the specimen's folder cannot be used.
    RecordError
        If the truth folder cannot be made.
    """
    settings = settings or SimulatedSettings()
    microscope = Microscope(settings, clock)
    core = _without_complaint(SimulatedCore)
    core.microscope = microscope
    # Weak: a camera that kept its core alive would keep its buffers too.
    core_ref = weakref.ref(core)
    core.camera = SimulatedCamera(microscope, lambda: bool((alive := core_ref()) and alive.getAutoShutter()))
    devices = {
        CAMERA: core.camera,
        XY_STAGE: SimulatedXYStage(microscope),
        FOCUS: SimulatedFocus(microscope),
        LAMP: SimulatedLamp(microscope),
        SHUTTER: SimulatedShutter(microscope),
        FILTERS: SimulatedFilterWheel(microscope),
        SLM: SimulatedSLM(microscope),
    }
    for label, device in devices.items():
        core.loadPyDevice(label, device)
    core.initializeAllDevices()
    core.setCameraDevice(CAMERA)
    core.setXYStageDevice(XY_STAGE)
    core.setFocusDevice(FOCUS)
    core.setShutterDevice(SHUTTER)
    core.setSLMDevice(SLM)
    core.setAutoShutter(True)
    core.setCircularBufferMemoryFootprint(settings.buffer_mb)
    core.setExposure(100.0)
    _define_configs(core, settings)
    return core


def _without_complaint(make: Callable[[], SimulatedCore]) -> SimulatedCore:
    """Make the core while pymmcore-plus does not say that Micro-Manager is not installed: nobody needs it here."""
    said = logging.getLogger("pymmcore-plus")
    level = said.level
    said.setLevel(logging.CRITICAL)
    try:
        return make()
    finally:
        said.setLevel(level)


def _define_configs(core: SimulatedCore, settings: SimulatedSettings) -> None:
    core.defineConfigGroup(CHANNEL_GROUP)
    for label in CHANNEL_LABELS.values():
        # "Label", not "State": the Python side of the core compares states as numbers and presets as text.
        core.defineConfig(CHANNEL_GROUP, label, FILTERS, "Label", label)
    core.setChannelGroup(CHANNEL_GROUP)
    core.setConfig(CHANNEL_GROUP, CHANNEL_LABELS[next(iter(CHANNEL_LABELS))])
    core.definePixelSizeConfig("Objective")
    core.setPixelSizeUm("Objective", settings.pixel_size_um)
    affine = pixel_to_stage(settings)
    core.setPixelSizeAffine("Objective", [*affine[0].tolist(), 0.0, *affine[1].tolist(), 0.0])
