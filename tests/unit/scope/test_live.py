"""Live mode: a camera that runs freely lights nothing that was not booked, whatever is asked for meanwhile."""

import threading
from typing import Any

import numpy as np

from stentor.scope.between import LivePace
from stentor.scope.live import LiveMode
from stentor.scope.tally import Tally


class FreeCamera:
    """Has an image ready whenever it is asked while it runs; notes the exposure of each."""

    def __init__(self) -> None:
        self.exposure_ms = 10.0
        self.is_running = False
        self.lit_ms: list[float] = []
        self.starts = 0

    def getExposure(self) -> float:  # noqa: N802
        return self.exposure_ms

    def startContinuousSequenceAcquisition(self, interval_ms: float) -> None:  # noqa: N802
        self.is_running = True
        self.starts += 1

    def stopSequenceAcquisition(self) -> None:  # noqa: N802
        self.is_running = False

    def isSequenceRunning(self) -> bool:  # noqa: N802
        return self.is_running

    def getRemainingImageCount(self) -> int:  # noqa: N802
        return int(self.is_running)

    def popNextImageMD(self, tags: Any) -> Any:  # noqa: N802
        self.lit_ms.append(self.exposure_ms)
        return np.zeros((2, 2), np.uint8)


class OneRequest:
    """A `Between` at which one request for another exposure arrives after some images."""

    def __init__(self, camera: FreeCamera, after: int) -> None:
        self._camera = camera
        self._after = after
        self.was_running: list[bool] = []
        self.booked_ms: dict[float, int] = {}

    @property
    def is_asked(self) -> bool:
        return len(self._camera.lit_ms) >= self._after and self._camera.exposure_ms == 10.0

    def admits_event(self, event: Any) -> bool:
        return True

    def admits_light(self, duration_ms: float, count: int) -> bool:
        self.booked_ms[duration_ms] = self.booked_ms.get(duration_ms, 0) + count
        return True

    def serve(self, timeout_s: float) -> None:
        if self.is_asked:
            self.was_running.append(self._camera.is_running)
            self._camera.exposure_ms = 500.0


def test_a_longer_exposure_asked_for_while_the_camera_runs_freely_is_booked_before_it_lights() -> None:
    camera = FreeCamera()
    between = OneRequest(camera, after=25)
    mode = LiveMode(camera, Tally(lambda arrival: None), threading.Event(), exposure_ms=10.0, between=between)  # type: ignore[arg-type]

    mode.show(LivePace(None), frames=60)

    assert between.was_running == [False]
    assert camera.lit_ms.count(500.0) == 35
    assert between.booked_ms[500.0] >= 35
    assert between.booked_ms[10.0] >= 25


def test_a_flood_of_requests_leaves_the_camera_an_image_between_two() -> None:
    camera = FreeCamera()
    between = OneRequest(camera, after=0)
    between.serve = lambda timeout_s: None  # type: ignore[method-assign]
    mode = LiveMode(camera, Tally(lambda arrival: None), threading.Event(), exposure_ms=10.0, between=between)  # type: ignore[arg-type]

    mode.show(LivePace(None), frames=5)

    assert len(camera.lit_ms) == 5


def test_a_pause_lights_nothing_until_it_ends() -> None:
    camera, pace = FreeCamera(), LivePace(None)
    between = OneRequest(camera, after=10**9)
    served: list[int] = []

    def serve(timeout_s: float) -> None:
        served.append(camera.starts)
        if len(served) == 4:
            pace.resume()

    between.serve = serve  # type: ignore[method-assign]
    mode = LiveMode(camera, Tally(lambda arrival: None), threading.Event(), exposure_ms=10.0, between=between)  # type: ignore[arg-type]
    pace.pause()

    mode.show(pace, frames=5)

    assert served[:4] == [0] * 4
    assert len(camera.lit_ms) == 5
