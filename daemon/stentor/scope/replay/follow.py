"""Follow: the images of a recording that may still be growing, as one stream."""

from collections.abc import Callable, Iterator
from typing import Final

from stentor.core.clock import NS_PER_S, Clock
from stentor.scope.replay.recording import RecordedImage, Recording

LOOK_EVERY_S: Final = 0.2


def images_of(
    recording: Recording,
    *,
    is_growing: bool,
    idle_timeout_s: float,
    clock: Clock,
    wait: Callable[[float], bool],
) -> Iterator[RecordedImage]:
    """Yield the images of a recording; of a growing one until nothing has come for `idle_timeout_s`.

    Parameters
    ----------
    wait
        Called with seconds to wait for more; True: the replay is to end.
    """
    yield from recording.fresh()
    last_ns = clock.monotonic_ns()
    while is_growing and clock.monotonic_ns() - last_ns < idle_timeout_s * NS_PER_S:
        if wait(LOOK_EVERY_S):
            return
        for image in recording.fresh():
            yield image
            last_ns = clock.monotonic_ns()
