"""Settings of the rig: which core, which configuration, which engine; light to import."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stentor.scope.replay.settings import ReplaySettings
from stentor.scope.simulated.settings import SimulatedSettings

RigKind = Literal["simulated", "micro-manager", "replay", "tap"]
EngineName = Literal["pycromanager", "pymmcore-plus"]


class ProjectorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SLM or DMD that throws masks onto the specimen.

    Attributes
    ----------
    device
        None: the core's SLM.
    chip_to_slm
        Six numbers a, b, c, d, e, f: the pixel (column, row) of the camera's whole chip, unbinned, lies on the SLM at
        (a column + b row + c, d column + e row + f). None: not calibrated, and masks are refused; the simulated
        microscope knows its own.
    """

    device: str | None = None
    chip_to_slm: tuple[float, float, float, float, float, float] | None = None


class RigSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One microscope.

    Attributes
    ----------
    kind
        "simulated": a living specimen in a simulated microscope. "micro-manager": real device adapters and a `.cfg`.
        "replay": a recording.
        "tap": none of ours; frames come from a tap in another program, for which the daemon waits.
    config_file
        Micro-Manager's `.cfg`; a relative path is looked for beside the settings' own file, here, and then in
        `adapter_path`.
    adapter_path
        Folder of the device adapters, as a rule Micro-Manager's own; None: where Micro-Manager is usually installed.
        With "tap" only `stentor check` looks at it, whether the pymmcore installed here fits.
    engine
        None: pycromanager for "micro-manager", pymmcore-plus for "simulated".
    buffer_mb
        Size of the core's image buffer; it is allocated at once.
    camera, channel_group, channel, exposure_ms
        Set when the rig opens; None: left as the `.cfg` has them.
    projector
        The SLM or DMD that throws masks onto the specimen.
    simulated
        The specimen and optics of the simulated microscope.
    replay
        The recording and its pace.
    """

    kind: RigKind = "simulated"
    config_file: str | None = None
    adapter_path: str | None = None
    engine: EngineName | None = None
    buffer_mb: Annotated[int, Meta(ge=8)] = 256
    camera: str | None = None
    channel_group: str | None = None
    channel: str | None = None
    exposure_ms: Annotated[float, Meta(gt=0)] | None = None
    projector: ProjectorSettings = ProjectorSettings()
    simulated: SimulatedSettings = SimulatedSettings()
    replay: ReplaySettings = ReplaySettings()

    @property
    def engine_name(self) -> EngineName:
        """The engine in use: the one named, or the default for this kind."""
        if self.engine is not None:
            return self.engine
        return "pymmcore-plus" if self.kind == "simulated" else "pycromanager"
