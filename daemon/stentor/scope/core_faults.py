"""Core faults: what a core's commands raised, kept for whoever asks why an image did not come."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymmcore

COMMANDS = (
    "snap_image",
    "get_tagged_image",
    "prepare_sequence_acquisition",
    "start_sequence_acquisition",
    "set_config",
    "wait_for_config",
    "set_xy_position",
    "set_position",
    "wait_for_device",
    "setExposure",
    "setProperty",
    "load_stage_sequence",
    "start_stage_sequence",
)
"""What pycromanager's engine calls to move and to expose, each by the name that it uses."""

FAULTS = (RuntimeError, ValueError, OSError, IndexError, TypeError)
"""What pymmcore 12's commands raise."""


class CoreFaults:
    """Puts itself between pycromanager's engine and the commands of its core, and lets everything through.

    pycromanager 1.0.2 runs the last event of every `acquire` where nobody looks at its exception: the image is
    missing, and all it says is a traceback on stderr.
    """

    def __init__(self, core: "pymmcore.CMMCore") -> None:
        self._by_command: dict[str, str] = {}
        for name in COMMANDS:
            setattr(core, name, self._watched(name, getattr(core, name)))

    @property
    def newest(self) -> str | None:
        """The newest fault of a command that has not worked since; None: all is well."""
        return next(reversed(self._by_command.values()), None)

    def clear(self) -> None:
        """Forget what was."""
        self._by_command.clear()

    def _watched(self, name: str, command: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            try:
                answer = command(*args)
            except FAULTS as error:
                self._by_command[name] = f"{name}: {' '.join(str(error).split())}"
                raise
            self._by_command.pop(name, None)
            return answer

        return watched
