"""Newest result: what a host gets is new, whenever it asks."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.tap import newest_result
from stentor.tap.newest_result import NewestResult


class Source:
    """Stands where the listener would: what is put here is received."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.changed = threading.Condition()
        self.options: dict[str, Any] = {}
        self.is_closed = False

    def __call__(self, rig: str, **options: Any) -> "Source":
        self.options = options
        return self

    def put(self, *results: Any) -> None:
        with self.changed:
            self.waiting += results
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.waiting, 5)

    def receive(self, timeout_s: float) -> Any:
        with self.changed:
            self.changed.wait_for(lambda: self.waiting, timeout_s)
            result = self.waiting.pop(0) if self.waiting else None
            self.changed.notify_all()
            return result

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.is_closed = True


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    made = Source()
    monkeypatch.setattr(newest_result, "Listener", made)
    return made


@pytest.fixture
def newest(source: Source, tmp_path: Path) -> Iterator[NewestResult]:
    made = NewestResult("rig", "camera", images=True)
    yield made
    made.close()


def test_what_came_last_is_what_the_host_gets_once(newest: NewestResult, source: Source) -> None:
    source.put("first", "second", "third")

    got = newest.get(1.0)
    while got != "third":
        got = newest.get(1.0)
    assert newest.get(0.0) is None


def test_a_host_that_waits_is_told_at_once(newest: NewestResult, source: Source) -> None:
    threading.Thread(target=source.put, args=("one",)).start()

    assert newest.get(5.0) == "one"


def test_it_registers_as_a_control_consumer_and_takes_its_leave(newest: NewestResult, source: Source) -> None:
    newest.get(0.01)
    newest.close()

    assert (source.options["delivery"], source.options["images"]) == ("control", True)
    assert source.is_closed
