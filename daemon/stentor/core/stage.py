"""Stage: one step of the plan, built in or a stranger's, through one contract."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import msgspec

from stentor.core.finding import Finding, Findings
from stentor.core.frame import Frame


class ModelIdentity(msgspec.Struct, frozen=True):
    """Which model spoke: its name with version, the sha256 of its weights, and the provider that ran it."""

    name: str
    hash: str
    provider: str


class FrameSpec(msgspec.Struct, frozen=True):
    """What the next frames will look like; a stage warms itself on it before frame 1.

    `pixel_size_um` is None when the microscope is uncalibrated.
    """

    shape_yx: tuple[int, int]
    dtype: str = "uint16"
    pixel_size_um: float | None = None


class Stage(Protocol):
    """One step of a plan. Everything happens in the pipeline's thread, in this order.

    The class is built once with its frozen settings: `Stage(settings)`; a wrong setting raises ConfigError there,
    a missing or broken model ModelError. Then `prepare` once before the first frame and again whenever frames
    change their size or type, then `process` once a frame, at last `close` once. A stage that raises costs its
    frame and nothing else; one that takes longer than `hang_timeout_s` costs the daemon a restart.

    Attributes
    ----------
    Settings
        Frozen `msgspec.Struct` with `forbid_unknown_fields`; the stage's table in the configuration.
    needs, gives
        Findings read and written, by name and type; the plan is checked against them before frame 1.
    columns, events
        It may have these, too, as tuples: names of the columns that it gives to objects, and kinds of its events.
        Conditions that name others are refused before frame 1, if every stage with objects, or events, says them.
    """

    Settings: ClassVar[type[msgspec.Struct]]
    needs: ClassVar[Mapping[str, type[Finding]]]
    gives: ClassVar[Mapping[str, type[Finding]]]

    def __init__(self, settings: Any) -> None: ...

    @property
    def model(self) -> ModelIdentity | None:
        """The model behind this stage; None: it has none."""
        ...

    def prepare(self, spec: FrameSpec) -> None:
        """Allocate and warm up for frames like `spec`."""
        ...

    def process(self, frame: Frame, found: Findings) -> Findings:
        """Return the findings named in `gives`; `found` holds those of the stages before."""
        ...

    def close(self) -> None:
        """Let go of sessions and memory; may be called twice."""
        ...
