"""Pace: when each image of a recording is due."""

from stentor.core.clock import NS_PER_S, Clock
from stentor.core.errors import ConfigError
from stentor.scope.replay.recording import RecordedImage
from stentor.scope.replay.settings import ReplaySettings


class Pace:
    """Asked once for every image, in order; the first one is due at once and starts the clock."""

    def __init__(self, settings: ReplaySettings, clock: Clock) -> None:
        self._settings = settings
        self._factor = settings.pace if isinstance(settings.pace, float) else 1.0
        self._clock = clock
        self._start_ns = 0
        self._first_s = 0.0
        self._asked = 0

    def due_ns(self, image: RecordedImage) -> int:
        """Return when to send an image, on the clock; a moment that has passed means at once.

        Raises
        ------
        ConfigError
            If the pace is that of the recording, and the first image has no recorded time.
        """
        if self._asked == 0:
            check_pace(self._settings, image)
            self._start_ns, self._first_s = self._clock.monotonic_ns(), image.time_s or 0.0
        since_s = self._since_first_s(image)
        self._asked += 1
        return self._start_ns + round(since_s * NS_PER_S)

    def _since_first_s(self, image: RecordedImage) -> float:
        if self._settings.rate_hz is not None:
            return self._asked / self._settings.rate_hz
        if self._settings.pace == "as-fast" or image.time_s is None:
            return 0.0
        return (image.time_s - self._first_s) / self._factor


def check_pace(settings: ReplaySettings, first: RecordedImage) -> None:
    """Refuse the recorded pace where the first image has no recorded time.

    Raises
    ------
    ConfigError
        With the remedy.
    """
    if settings.rate_hz is None and settings.pace != "as-fast" and first.time_s is None:
        raise ConfigError(
            f"{first.name}: the recording does not say when its images were taken; "
            'give rig.replay.rate_hz (--rate), or pace = "as-fast"'
        )
