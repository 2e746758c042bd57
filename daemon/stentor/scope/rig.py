"""Rig: an open core with its engine, ready for the first event."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import structs

from stentor.core.errors import ConfigError
from stentor.core.stage import FrameSpec
from stentor.microscope.core_state import read_chip, read_spec
from stentor.microscope.header import HeaderMaker
from stentor.scope.engine import Engine
from stentor.scope.event_feed import asks_for_image
from stentor.scope.opening import open_plus_core, release, start_pycromanager_core
from stentor.scope.readiness import check_camera, check_channel, nearest, set_exposure
from stentor.scope.settings import RigSettings
from stentor.scope.tiles import with_field_of_view

if TYPE_CHECKING:
    import pymmcore
    import useq

    from stentor.scope.simulated.core import SimulatedCore
    from stentor.scope.simulated.microscope_clock import MicroscopeClock


@dataclass(frozen=True, eq=False)
class Rig:
    """One microscope. The process that opened it closes it; `close` may be called twice.

    Attributes
    ----------
    engine
        Runs the acquisitions.
    core
        For what is no acquisition: moving, reading back. Never for taking images behind the engine's back.
    settings
        What it was opened with.
    chip_wh
        Size of the camera's chip in unbinned pixels.
    """

    engine: Engine
    core: "pymmcore.CMMCore"
    settings: RigSettings
    chip_wh: tuple[int, int]
    _shut_down: Callable[[], None] = field(repr=False)

    def frame_spec(self) -> FrameSpec:
        """Tell what the next frames will look like."""
        return read_spec(self.core)

    def images_of(self, events: "Iterable[useq.MDAEvent] | useq.MDASequence") -> int:
        """Count the images that events will give, their grids laid out for this camera."""
        asked = sum(map(asks_for_image, with_field_of_view(events, self.core)))
        return asked * self.core.getNumberOfCameraChannels()

    def headers(self, *, stream: str, run: str, clock_id: str) -> HeaderMaker:
        """Make the maker of headers for one run."""
        return HeaderMaker(self.core, stream=stream, run=run, clock_id=clock_id, chip_wh=self.chip_wh)

    def close(self) -> None:
        """Abort what runs, then let go of the devices."""
        self.engine.close()
        self._shut_down()


def open_rig(settings: RigSettings, clock: "MicroscopeClock | None" = None) -> Rig:
    """Open a core and its engine.

    Parameters
    ----------
    clock
        By which the simulated microscope lives; None: the machine's own.

    Raises
    ------
    ConfigError
        A path, a name or a setting is wrong; the message says which and what was probably meant.
    SourceError
        A device adapter or a device does not answer; the message says what to do.
    """
    if settings.kind == "tap":
        raise ConfigError('[rig] kind = "tap" has no microscope of its own: the program with the tap has it')
    if settings.kind == "simulated":
        return _open_simulated(settings, clock)
    if settings.engine_name == "pymmcore-plus":
        return _open_plus(settings)
    return _open_pycromanager(settings)


def _with_projector(settings: RigSettings) -> RigSettings:
    """Calibrate the simulated microscope's SLM, unless the settings do."""
    from stentor.scope.simulated.pattern import chip_to_slm

    projector = settings.projector
    if projector.chip_to_slm is not None:
        return settings
    a, b, c, d, e, f = chip_to_slm(settings.simulated).ravel().tolist()
    return structs.replace(settings, projector=structs.replace(projector, chip_to_slm=(a, b, c, d, e, f)))


def _open_simulated(settings: RigSettings, clock: "MicroscopeClock | None") -> Rig:
    if settings.engine_name != "pymmcore-plus":
        raise ConfigError('the simulated microscope runs on engine = "pymmcore-plus" only; leave `engine` out')
    from stentor.scope.plus_engine import PlusEngine
    from stentor.scope.simulated.core import open_simulated_core

    core = open_simulated_core(settings.simulated, clock)
    prepare(core, settings)
    engine = PlusEngine(core, snap_tags=lambda: core.camera.last_tags)
    return Rig(engine, core, _with_projector(settings), read_chip(core), lambda: _close_simulated(core))


def _close_simulated(core: "SimulatedCore") -> None:
    core.close()
    release(core)


def _open_plus(settings: RigSettings) -> Rig:
    from stentor.scope.plus_engine import PlusEngine

    core = open_plus_core(settings)
    prepare(core, settings)
    return Rig(PlusEngine(core), core, settings, read_chip(core), lambda: release(core))


def _open_pycromanager(settings: RigSettings) -> Rig:
    from stentor.scope.pycro_engine import PycroEngine

    core = start_pycromanager_core(settings)
    prepare(core, settings)
    return Rig(PycroEngine(core), core, settings, read_chip(core), lambda: release(core))


def prepare(core: "pymmcore.CMMCore", settings: RigSettings) -> None:
    """Apply the settings' camera, channel and exposure, each checked by name first."""
    if settings.camera is not None:
        labels = core.getLoadedDevices()
        if settings.camera not in labels:
            raise ConfigError(f"rig.camera: no device {settings.camera!r}; {nearest(settings.camera, labels)}")
        core.setCameraDevice(settings.camera)
    if settings.channel_group is not None:
        groups = core.getAvailableConfigGroups()
        if settings.channel_group not in groups:
            hint = nearest(settings.channel_group, groups)
            raise ConfigError(f"rig.channel_group: no group {settings.channel_group!r}; {hint}")
        core.setChannelGroup(settings.channel_group)
    check_camera(core)
    if settings.channel is not None:
        check_channel(core, core.getChannelGroup(), settings.channel)
        core.setConfig(core.getChannelGroup(), settings.channel)
        core.waitForConfig(core.getChannelGroup(), settings.channel)
    if settings.exposure_ms is not None:
        set_exposure(core, settings.exposure_ms)
