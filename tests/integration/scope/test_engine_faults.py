"""What an engine reports when a driver fails, hangs or falls silent; the traps of each backend by name."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import useq
from numpy.typing import DTypeLike, NDArray
from pymmcore_plus.experimental.unicore import SimpleCameraDevice, UniMMCore, XYStageDevice

from stentor.core.errors import SourceError
from stentor.microscope.arrival import Arrival
from stentor.scope.opening import release
from stentor.scope.plus_engine import PlusEngine
from stentor.scope.pycro_engine import PycroEngine
from stentor.scope.rig import Rig

pytestmark = [
    pytest.mark.timeout(60),
    # UniMMCore lets what a camera raises end its thread.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


def ignore(arrival: Arrival) -> None:
    """Take an image and do nothing."""


def loop(frames: int, interval_s: float = 0.0) -> list[useq.MDAEvent]:
    sequence = useq.MDASequence(time_plan={"interval": interval_s, "loops": frames})
    return [event.model_copy(update={"exposure": 5}) for event in sequence]


class MoodyCamera(SimpleCameraDevice):
    """A camera written in Python that fails at a given image."""

    def __init__(self, fails_at: int) -> None:
        super().__init__()
        self._fails_at = fails_at
        self._taken = 0

    def get_exposure(self) -> float:
        return 5.0

    def set_exposure(self, exposure: float) -> None:
        """Keep its own."""

    def sensor_shape(self) -> tuple[int, int]:
        return 16, 16

    def dtype(self) -> DTypeLike:
        return np.uint16

    def snap(self, buffer: NDArray[np.uint16]) -> Mapping[str, Any]:
        self._take()
        return {}

    def start_sequence(
        self, n: int | None, get_buffer: Callable[..., NDArray[np.uint16]]
    ) -> Iterator[Mapping[str, Any]]:
        for _ in range(n or 1000):
            self._take()
            get_buffer((16, 16), np.uint16)[:] = 0
            yield {}

    def _take(self) -> None:
        self._taken += 1
        if self._taken == self._fails_at:
            raise RuntimeError("the cable fell out")


class StuckDrive(XYStageDevice):
    """An xy drive that moves nowhere and says so."""

    def set_position_um(self, x: float, y: float) -> None:
        raise RuntimeError("limit switch")

    def get_position_um(self) -> tuple[float, float]:
        return 0.0, 0.0

    def set_origin_x(self) -> None: ...

    def set_origin_y(self) -> None: ...

    def stop(self) -> None: ...

    def home(self) -> None: ...


@pytest.fixture
def moody() -> Iterator[Callable[[int], PlusEngine]]:
    cores: list[UniMMCore] = []

    def make(fails_at: int) -> PlusEngine:
        core = UniMMCore()
        core.loadPyDevice("Camera", MoodyCamera(fails_at))
        core.loadPyDevice("XY", StuckDrive())
        core.initializeAllDevices()
        core.setCameraDevice("Camera")
        core.setXYStageDevice("XY")
        core.setAutoShutter(False)
        core.setCircularBufferMemoryFootprint(16)
        cores.append(core)
        return PlusEngine(core)

    yield make
    for core in cores:
        release(core)


@pytest.mark.parametrize("interval_s", [0.0, 0.001])
def test_pymmcore_plus_calls_a_failed_camera_complete_but_we_do_not(
    moody: Callable[[int], PlusEngine], interval_s: float
) -> None:
    report = moody(3).run(loop(6, interval_s), ignore)

    assert report.reason == "failed"
    assert report.expected == 6
    assert report.received < 6
    assert report.error


def test_a_camera_that_fails_in_live_mode_ends_it_with_a_reason(moody: Callable[[int], PlusEngine]) -> None:
    report = moody(3).live(ignore, exposure_ms=5, frames=50)

    assert (report.reason, report.received) == ("failed", 2)
    assert "stopped by itself" in (report.error or "")


def test_a_drive_that_refuses_is_told_with_a_run_whose_images_all_came(moody: Callable[[int], PlusEngine]) -> None:
    # pymmcore-plus 0.18 logs a warning, and takes the image where the drive happens to be.
    report = moody(99).run([useq.MDAEvent(x_pos=1, y_pos=1)], ignore)

    assert (report.reason, report.received, report.error) == ("completed", 1, None)
    assert "limit switch" in (report.complaint or "")


def test_a_snap_that_hangs_in_its_driver_ends_the_run_and_the_engine() -> None:
    released = threading.Event()

    class HungCamera(MoodyCamera):
        def _take(self) -> None:
            released.wait(30)

    core = UniMMCore()
    core.loadPyDevice("Camera", HungCamera(99))
    core.initializeAllDevices()
    core.setCameraDevice("Camera")
    core.setAutoShutter(False)
    engine = PlusEngine(core, abort_timeout_s=0.3, stall_s=0.3)
    began_s = time.monotonic()

    report = engine.run([useq.MDAEvent()], ignore)

    assert time.monotonic() - began_s < 5
    assert report.reason == "failed"
    assert "hang" in (report.error or "")
    with pytest.raises(SourceError, match="restart the scope"):
        engine.run([useq.MDAEvent()], ignore)
    released.set()
    release(core)


def test_another_listener_that_raises_costs_us_no_image(open_backend: Callable[[str], Rig]) -> None:
    rig = open_backend("pymmcore-plus")

    def rude(*_: object) -> None:
        raise RuntimeError("boom")

    signal = rig.core.mda.events.frameReady  # type: ignore[attr-defined]
    signal.connect(rude)
    try:
        report = rig.engine.run(loop(5), ignore)
    finally:
        signal.disconnect(rude)

    assert (report.reason, report.received) == ("completed", 5)


@pytest.mark.timeout(15)
def test_a_snap_that_raises_ends_a_pycromanager_run_with_its_words(
    open_backend: Callable[[str], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = open_backend("pycromanager")

    def fail() -> None:
        raise RuntimeError("the cable fell out")

    with monkeypatch.context() as patch:
        patch.setattr(rig.core, "snap_image", fail, raising=False)
        report = PycroEngine(rig.core).run(loop(3, 0.01), ignore)

    assert (report.reason, report.received) == ("failed", 0)
    assert "the cable fell out" in (report.error or "")
    assert rig.engine.run(loop(3, 0.01), ignore).reason == "completed"


def test_a_camera_that_never_delivers_ends_a_pycromanager_run(
    open_backend: Callable[[str], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = open_backend("pycromanager")
    engine = PycroEngine(rig.core, stall_s=0.5)

    def empty(*_: object) -> None:
        raise RuntimeError("no image")

    began_s = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(rig.core, "get_tagged_image", empty, raising=False)
        report = engine.run(loop(2, 0.01), ignore)

    assert report.reason == "failed"
    assert "trigger" in (report.error or "")
    assert time.monotonic() - began_s < 5


def test_a_second_pycromanager_core_is_refused_instead_of_hanging(open_backend: Callable[[str], Rig]) -> None:
    from stentor.scope.opening import start_pycromanager_core

    rig = open_backend("pycromanager")

    with pytest.raises(SourceError, match="one core in a process"):
        start_pycromanager_core(rig.settings)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory as Linux counts it")
def test_a_long_burst_leaves_no_images_in_memory(real_rig: Rig) -> None:
    resource = pytest.importorskip("resource")
    real_rig.engine.run(loop(50), ignore)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    report = real_rig.engine.run(loop(400), ignore)

    assert report.reason == "completed"
    # Kept, 400 images of 512 x 512 x 2 bytes would be 210 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 60_000


def test_an_overflow_in_live_mode_is_counted_though_the_core_keeps_silent(real_rig: Rig) -> None:
    seen = 0

    def nap(arrival: Arrival) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            time.sleep(1.0)

    real_rig.core.setCircularBufferMemoryFootprint(8)
    try:
        report = real_rig.engine.live(nap, exposure_ms=10, frames=20)
    finally:
        real_rig.core.setCircularBufferMemoryFootprint(256)

    assert (report.reason, report.received) == ("completed", 20)
    assert report.missed > 0


def test_an_overflow_in_a_burst_ends_the_run_with_a_reason_and_the_next_one_works(real_rig: Rig) -> None:
    def nap(arrival: Arrival) -> None:
        time.sleep(0.05)

    real_rig.core.setCircularBufferMemoryFootprint(8)
    try:
        report = real_rig.engine.run(loop(200), nap)
    finally:
        real_rig.core.setCircularBufferMemoryFootprint(256)

    assert report.reason == "failed"
    assert "overflow" in (report.error or "").lower()
    assert real_rig.engine.run(loop(20), ignore).reason == "completed"


def test_colour_is_refused_with_the_remedy(real_rig: Rig) -> None:
    real_rig.core.setProperty("Camera", "PixelType", "32bitRGB")
    try:
        with pytest.raises(SourceError, match="PixelType"):
            real_rig.engine.run(loop(2), ignore)
    finally:
        real_rig.core.setProperty("Camera", "PixelType", "16bit")


def test_a_process_that_closed_its_rig_ends_cleanly(config_file: Path, adapters: Path) -> None:
    # pymmcore 12.5.1: a notice of the core during Python's shutdown aborts the process, in a third of the cases.
    script = f"""
from stentor.scope.rig import open_rig
from stentor.scope.settings import RigSettings
rig = open_rig(RigSettings(
    kind="micro-manager", engine="pymmcore-plus", config_file={str(config_file)!r}, adapter_path={str(adapters)!r}
))
assert rig.engine.live(lambda arrival: None, exposure_ms=5, frames=3).reason == "completed"
rig.close()
rig.close()
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 0, done.stderr
