"""Normalise: scale a frame by its own percentiles, once for all models behind it."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from stentor.core.finding import Finding, Findings, Image
from stentor.core.frame import Frame
from stentor.core.planes import Projection, pick
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.inference.normalise import normalise, require_plane, unit_of


class NormaliseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is normalised, and how.

    Attributes
    ----------
    low_percent, high_percent
        Percentiles of the plane that become 0 and 1; the defaults are those that the shipped models want.
    channel, z
        Of a gathered frame: the channel's name (none: the first), and the index of the z-plane, "max" or "mean" over
        all of them (none: the one in the middle).
    """

    low_percent: float = 1.0
    high_percent: float = 99.8
    channel: str | None = None
    z: int | Projection | None = None


class Normalise:
    """Gives "normalised", float32; refuses frames that no model can read, with the remedy."""

    Settings: ClassVar[type[msgspec.Struct]] = NormaliseSettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"normalised": Image}

    def __init__(self, settings: NormaliseSettings) -> None:
        self._settings = settings

    @property
    def model(self) -> ModelIdentity | None:
        return None

    def prepare(self, spec: FrameSpec) -> None:
        """Nothing to prepare."""

    def process(self, frame: Frame, found: Findings) -> Findings:
        settings = self._settings
        plane = pick(frame, channel=settings.channel, z=settings.z)
        require_plane(plane)
        low, high = settings.low_percent, settings.high_percent
        return {"normalised": Image(normalise(plane, low, high), unit_of(low, high))}

    def close(self) -> None:
        """Nothing to close."""
