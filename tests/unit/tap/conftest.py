"""A core that answers and a producer that only writes down, so that a feed can be tried without either."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stentor.core.frame import FrameHeader, FrameId
from stentor.core.stage import FrameSpec
from stentor.tap import frame_maker
from stentor.tap.feed import Feed
from stentor.wire import platforms
from stentor.wire.ring import RingReader, SlotRef


def wait_until(condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
    deadline, nothing = time.monotonic() + timeout_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        nothing.wait(0.001)


class AnsweringCore:
    """What a feed asks of a core; every attribute may be changed, and `fault` is raised by every question."""

    camera = "Camera"
    shape = (6, 8)
    roi = (0, 0)
    is_busy = False
    fault: Exception | None = None
    readings = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers: dict[str, Any] = {
            "getCameraDevice": self.camera,
            "getROI": [*self.roi, self.shape[1], self.shape[0]],
            "getImageHeight": self.shape[0],
            "getImageWidth": self.shape[1],
            "getBytesPerPixel": 2,
            "getImageBitDepth": 12,
            "getNumberOfCameraChannels": 1,
            "hasProperty": True,
            "getProperty": "1",
            "getExposure": 10.0,
            "getChannelGroup": "",
            "getXYStageDevice": "XY",
            "getFocusDevice": "Z",
            "deviceBusy": self.is_busy,
            "getXPosition": 100.0,
            "getYPosition": 200.0,
            "getPosition": 3.0,
            "getPixelSizeAffine": (0.5, 0.0, 0.0, 0.0, 0.5, 0.0),
            "getPixelSizeUm": 0.5,
        }

        def answer(*asked: object) -> Any:
            if self.fault is not None:
                raise self.fault
            self.readings += name == "getImageBitDepth"
            return answers[name]  # a question that is not here, such as waitForDevice, is an error

        return answer


class NotingProducer:
    """Names frames as the real one does, and keeps what it is told."""

    made: "list[NotingProducer]" = []  # noqa: RUF012

    def __init__(self, rig: str, stream: str, *, source: str, spec: FrameSpec, clock: Any, ring_slots: int) -> None:
        self.spec = spec
        self.runs: list[str] = []
        self.ended: list[str] = []
        self.frames: list[tuple[FrameHeader, SlotRef]] = []
        self.refused: list[tuple[FrameId, str]] = []
        self.is_attached = False
        self.denied = None
        self._named = 0
        self.made.append(self)

    def begin_run(self) -> str:
        self._named = 0
        self.runs.append(f"run{len(self.runs)}")
        return self.runs[-1]

    def next_id(self) -> FrameId:
        self._named += 1
        return FrameId("camera", self.runs[-1], self._named - 1)

    def announce(self, header: FrameHeader, reference: SlotRef, tapped_ns: int) -> None:
        assert tapped_ns >= header.received_ns
        self.frames.append((header, reference))

    def refuse(self, frame_id: FrameId, reason: str) -> None:
        self.refused.append((frame_id, reason))

    def end_run(self, ended: str) -> int:
        self.ended.append(ended)
        return self._named

    def close(self, timeout_s: float) -> bool:
        return True

    def names(self) -> list[tuple[str, int]]:
        """Run and sequence of every frame that was handed over."""
        return [(header.frame_id.run, header.sequence) for header, _ in self.frames]


@pytest.fixture
def core() -> AnsweringCore:
    return AnsweringCore()


@pytest.fixture
def shm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platforms, "shared_memory_dir", lambda: tmp_path)
    monkeypatch.setattr(frame_maker, "FrameProducer", NotingProducer)
    NotingProducer.made.clear()
    return tmp_path


@pytest.fixture
def feed(core: Any, shm: Path) -> Iterator[Feed]:
    made = Feed(core, rig="rig", stream="camera", source="a test", clock=platforms.system_clock(), ring_slots=4)
    yield made
    made.close(2.0)


@pytest.fixture
def pixels_of(shm: Path) -> Iterator[Callable[[FrameHeader, SlotRef], np.ndarray]]:
    reader = RingReader(shm)

    def read(header: FrameHeader, reference: SlotRef) -> np.ndarray:
        target = np.empty(header.shape_yx, header.dtype)
        assert reader.copy(reference, target)
        return target

    yield read
    reader.close()
