"""Between images: what the thread that holds the hardware asks before it lights and does while it waits."""

import threading
import time
from typing import TYPE_CHECKING, Protocol

from stentor.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import useq

    from stentor.scope.barrier import Moment

REFUSED_PAUSE_S = 0.1


class Between(Protocol):
    """Given to an engine; called by the thread that holds its hardware only."""

    def admits_event(self, event: "useq.MDAEvent") -> bool:
        """Tell whether an event may be carried out; its light then counts."""
        ...

    def admits_light(self, duration_ms: float, count: int) -> bool:
        """Tell whether `count` images may be exposed here and now; their light then counts."""
        ...

    @property
    def is_asked(self) -> bool:
        """Whether requests wait for `serve`."""
        ...

    def serve(self, timeout_s: float) -> None:
        """Let requests act; returns after about `timeout_s`."""
        ...


class Unguarded:
    """Lets everything pass and asks nobody: for a core that only this process's own tests touch."""

    def admits_event(self, event: "useq.MDAEvent") -> bool:
        return True

    def admits_light(self, duration_ms: float, count: int) -> bool:
        return True

    @property
    def is_asked(self) -> bool:
        return False

    def serve(self, timeout_s: float) -> None:
        time.sleep(timeout_s)


class LivePace:
    """The interval of live images, which requests may change; events belong to `mode = "adaptive"`."""

    def __init__(self, interval_s: float | None) -> None:
        self._interval_s = interval_s
        self._is_paused = threading.Event()

    @property
    def interval_s(self) -> float | None:
        """None: the camera runs freely."""
        return self._interval_s

    @property
    def is_paused(self) -> bool:
        """Whether images wait for `resume`."""
        return self._is_paused.is_set()

    def set_interval(self, interval_s: float) -> None:
        """Take images at this interval."""
        if self._interval_s is None:
            raise ConfigError("the camera runs freely; set acquisition.rate_hz to give it a pace")
        self._interval_s = interval_s

    def set_exposure(self, exposure_ms: float) -> bool:
        """Leave it to whoever sets the camera: live images are exposed as it stands."""
        return False

    def pause(self) -> None:
        """Take no image until `resume`."""
        self._is_paused.set()

    def resume(self) -> None:
        """Go on."""
        self._is_paused.clear()

    def ask(self, events: "Sequence[useq.MDAEvent]", *, is_urgent: bool) -> int:
        """Refuse."""
        raise _needs_agenda()

    def visit(self, places: "Sequence[tuple[float, ...]]") -> None:
        """Refuse."""
        raise _needs_agenda()

    def extend(self, time_points: int) -> None:
        """Refuse."""
        raise _needs_agenda()

    def go_on(self, moment: "Moment", who: str) -> None:
        """Do nothing: live images wait for nobody."""

    def skip(self) -> None:
        """Do nothing: a live image has no rest to leave out."""

    def drop_asked(self) -> None:
        """Do nothing: nobody can ask for an image of its own."""


def _needs_agenda() -> ConfigError:
    return ConfigError('live images take no events; set acquisition.mode = "adaptive"')
