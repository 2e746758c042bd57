"""Faulty controllers: decide badly, for tests of what protects the microscope from them."""

import os
import time
from typing import Any, ClassVar

import msgspec

from stentor.core.controller import SeenResult
from stentor.core.microscope import Microscope


class FaultySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Misbehave once `after` results have been seen."""

    after: int = 5


class Faulty:
    """Moves a little with every result, and misbehaves from one of them on."""

    Settings: ClassVar[type[msgspec.Struct]] = FaultySettings
    images: tuple[str, ...] = ()

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.seen = 0

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        self.seen += 1
        if self.seen >= self.settings.after:
            self.misbehave(result, microscope)
        else:
            microscope.move_xy(1.0, 0.0, because=result, reason="well so far")

    def misbehave(self, result: SeenResult, microscope: Microscope) -> None:
        """Be good."""

    def close(self) -> None:
        """Nothing to let go of."""


class Hangs(Faulty):
    def misbehave(self, result: SeenResult, microscope: Microscope) -> None:
        time.sleep(60)


class Dies(Faulty):
    def misbehave(self, result: SeenResult, microscope: Microscope) -> None:
        os._exit(3)


class AsksNonsense(Faulty):
    def misbehave(self, result: SeenResult, microscope: Microscope) -> None:
        microscope.move_xy(float("nan"), float("inf"), because=result, reason="nonsense")


class RaisesAlways(Faulty):
    def misbehave(self, result: SeenResult, microscope: Microscope) -> None:
        raise RuntimeError("boom")
