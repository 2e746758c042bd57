"""Faulty stages: plugins that misbehave, installed for tests and benchmarks by putting this folder on PYTHONPATH."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from stentor.core.finding import Event, Events, Finding, Findings, Score
from stentor.core.frame import Frame
from stentor.core.stage import FrameSpec, ModelIdentity


class FaultySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Misbehave at each `every`-th frame; `seconds` is how long a sleep takes."""

    every: int = 1
    seconds: float = 10.0


class Faulty:
    """Gives a score, and misbehaves now and then."""

    Settings: ClassVar[type[msgspec.Struct]] = FaultySettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"mark": Score}
    model: ModelIdentity | None = None

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.frames = 0

    def prepare(self, spec: FrameSpec) -> None:
        """Nothing to prepare."""

    def process(self, frame: Frame, found: Findings) -> Findings:
        self.frames += 1
        if self.frames % self.settings.every == 0:
            self.misbehave()
        return {"mark": Score(float(self.frames))}

    def misbehave(self) -> None:
        """Be good."""

    def close(self) -> None:
        """Nothing to close."""


class Quick(Faulty):
    """Never misbehaves, and takes no time."""


class Sleeps(Faulty):
    def misbehave(self) -> None:
        time.sleep(self.settings.seconds)


class Raises(Faulty):
    def misbehave(self) -> None:
        raise RuntimeError("boom")


class Exits(Faulty):
    def misbehave(self) -> None:
        os._exit(3)


class ToldSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file in which it finds what to do."""

    file: str


class Told(Faulty):
    """Does once what a file says: raise, hang, exit, crash, or give what is no finding."""

    Settings: ClassVar[type[msgspec.Struct]] = ToldSettings

    def process(self, frame: Frame, found: Findings) -> Findings:
        told = Path(self.settings.file)
        if not told.exists():
            return {"mark": Score(1.0)}
        what = told.read_text()
        told.unlink()
        if what == "raise":
            raise RuntimeError("boom")
        if what == "hang":
            time.sleep(60)
        if what == "exit":
            os._exit(3)
        if what == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        nonsense: Any = {"mark": what}
        return dict(nonsense)


class Chatty(Quick):
    """Gives a hundred events with every frame."""

    gives: ClassVar[Mapping[str, type[Finding]]] = {"mark": Score, "chat": Events}

    def process(self, frame: Frame, found: Findings) -> Findings:
        chat = Events(tuple(Event("chat", f"word {index}", {"index": index}) for index in range(100)))
        return {**super().process(frame, found), "chat": chat}
