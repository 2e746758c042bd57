"""Pycromanager tap: what pycromanager gets is what it would have got."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stentor.core.errors import ConfigError
from stentor.tap import pycromanager_tap
from stentor.tap.pycromanager_tap import PycromanagerTap
from stentor.wire import platforms

from .conftest import NotingProducer

IMAGE = np.arange(48, dtype=np.uint16).reshape(6, 8)
TAGS = {"Camera": "Camera", "Axes": {"time": 3}}


@pytest.fixture
def tap(core: Any, shm: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PycromanagerTap]:
    monkeypatch.setenv(platforms.RUNTIME_DIR_VARIABLE, str(shm / "run"))
    monkeypatch.setattr(pycromanager_tap, "python_core", lambda: core)
    made = PycromanagerTap()
    yield made
    made.close()


def seen() -> int:
    return len(NotingProducer.made[0].frames)


def test_process_returns_the_very_objects_it_was_given(tap: PycromanagerTap) -> None:
    image, metadata = tap.process(IMAGE, TAGS)
    tap.close()

    assert image is IMAGE and metadata is TAGS
    assert seen() == 1
    assert len(inspect.signature(tap.process).parameters) == 2


@pytest.mark.parametrize("answer", [None, (IMAGE, TAGS), [(IMAGE, TAGS), (IMAGE, TAGS)], "nonsense"])
def test_a_wrapped_processor_answers_as_it_always_did(tap: PycromanagerTap, answer: Any) -> None:
    wrapped = tap.wrap(lambda image, metadata: answer)

    assert wrapped(IMAGE, TAGS) is answer
    tap.close()
    assert seen() == 1


class Bound:
    def two(self, image: Any, metadata: Any) -> Any:
        return image, metadata

    def three(self, image: Any, metadata: Any, event_queue: Any) -> Any:
        event_queue.append("event")
        return image, metadata


def choosy(image: Any, metadata: Any, event_queue: Any = None) -> Any:
    return None


@pytest.mark.parametrize(("fn", "count"), [(Bound().two, 2), (Bound().three, 3), (choosy, 3)])
def test_a_wrapped_processor_takes_as_many_arguments_as_it_did(
    tap: PycromanagerTap, fn: Callable[..., Any], count: int
) -> None:
    wrapped, events = tap.wrap(fn), []

    assert len(inspect.signature(wrapped).parameters) == count
    wrapped(*[IMAGE, TAGS, events][:count])
    assert wrapped.__name__ == fn.__name__


def test_a_processor_that_raises_does_so_and_its_image_is_seen(tap: PycromanagerTap) -> None:
    def fail(image: Any, metadata: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tap.wrap(fail)(IMAGE, TAGS)

    tap.close()
    assert seen() == 1


def test_a_function_that_pycromanager_could_not_call_is_refused(tap: PycromanagerTap) -> None:
    with pytest.raises(ConfigError, match=r"takes 1 arguments; .* \(image, metadata\)"):
        tap.wrap(lambda image: None)


def test_nothing_that_is_shown_can_make_process_raise(tap: PycromanagerTap) -> None:
    assert tap.process(None, 5) == (None, 5)


def test_saved_reads_from_the_dataset_on_another_thread(tap: PycromanagerTap) -> None:
    asked = []

    class Dataset:
        def read_image(self, **axes: Any) -> Any:
            asked.append(axes)
            return IMAGE

        def read_metadata(self, **axes: Any) -> Any:
            return TAGS

    tap.saved({"time": 3}, Dataset())
    tap.close()

    ((header, _),) = NotingProducer.made[0].frames
    assert asked == [{"time": 3}]
    assert header.axes == {"time": 3}


def test_a_tap_closed_twice_is_closed(tap: PycromanagerTap) -> None:
    assert tap.close()
    tap.close()
    assert tap.results() is None


@pytest.mark.parametrize(
    ("prologue", "words"),
    [
        ("", "python_backend=True"),
        ("sys.modules['mmpycorex'] = None", "pip install 'pycromanager>=1.0.2'"),
    ],
)
def test_without_a_python_core_the_tap_says_what_to_do(prologue: str, words: str) -> None:
    code = f"import sys\n{prologue}\nimport stentor\nstentor.PycromanagerTap()"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert "ConfigError" in done.stderr and words in done.stderr
