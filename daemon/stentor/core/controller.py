"""Controller: what decides, on results, what the microscope should do; built in or a stranger's, by one contract."""

from typing import Any, ClassVar, Protocol

import msgspec

from stentor.core.finding import Event, Objects
from stentor.core.frame import FrameHeader
from stentor.core.microscope import Microscope, Seen


class SeenResult(Seen, Protocol):
    """The result of a frame, as `stentor.listen` gives it to scripts."""

    @property
    def frame(self) -> FrameHeader: ...
    @property
    def objects(self) -> Objects: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    @property
    def is_late(self) -> bool: ...
    def score(self, name: str) -> float | None: ...
    def image(self, name: str) -> Any: ...
    @property
    def labels(self) -> Any: ...


class Controller(Protocol):
    """Each runs in a process of its own, in one thread: built once with its settings, then `on_result` for every
    result that it has time for, newest first; results that were late are not shown. `close` comes last.

    One that raises is named in the log, and sees the next result. One that hangs hurts nobody: it gives no sign of
    life, the guard does what `on_silence` says, and the process is started again.

    Attributes
    ----------
    Settings
        Frozen `msgspec.Struct` with `forbid_unknown_fields`; the controller's table in the configuration. A wrong
        setting raises ConfigError when the controller is built, before the first frame.
    asks
        It may have this one, too: a tuple of actions that it will ask for, as far as they are known beforehand. Mode
        and limits that refuse them are said before the first frame.
    conditions
        And this: a tuple of its `stentor.control.expression.Expression`s. What they name and the plan does not give
        is said before the first frame.
    """

    Settings: ClassVar[type[msgspec.Struct]]

    def __init__(self, settings: Any) -> None: ...

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images that `on_result` wants to see, such as "labels"."""
        ...

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Decide."""
        ...

    def close(self) -> None:
        """Let go; may be called twice."""
        ...
