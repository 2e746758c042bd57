"""Quality: scores of a whole frame that tell whether what was found in it may be trusted."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from stentor.core.finding import Finding, Findings, Score
from stentor.core.frame import Frame
from stentor.core.planes import Projection, pick
from stentor.core.stage import FrameSpec, ModelIdentity
from stentor.inference.normalise import require_plane
from stentor.inference.quality import focus_score, saturated_share


class QualitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is judged, and what is still good.

    Attributes
    ----------
    channel, z
        As in the stage normalise.
    least_focus
        A plane whose score is smaller is not trusted. None: focus never counts, as its scale differs between
        specimens; look at it for a while before setting this.
    most_saturated
        A plane with a larger share of saturated pixels is not trusted.
    """

    channel: str | None = None
    z: int | Projection | None = None
    least_focus: float | None = None
    most_saturated: float = 0.01


class Quality:
    """Gives scores "focus" and "saturated", and "trusted": 1 when both are good, else 0."""

    Settings: ClassVar[type[msgspec.Struct]] = QualitySettings
    needs: ClassVar[Mapping[str, type[Finding]]] = {}
    gives: ClassVar[Mapping[str, type[Finding]]] = {"focus": Score, "saturated": Score, "trusted": Score}

    def __init__(self, settings: QualitySettings) -> None:
        self._settings = settings

    @property
    def model(self) -> ModelIdentity | None:
        return None

    def prepare(self, spec: FrameSpec) -> None:
        """Nothing to prepare."""

    def process(self, frame: Frame, found: Findings) -> Findings:
        settings = self._settings
        plane = pick(frame, channel=settings.channel, z=settings.z)
        require_plane(plane, least_px=3)
        focus, saturated = focus_score(plane), saturated_share(plane, frame.header.bit_depth)
        is_sharp = settings.least_focus is None or focus >= settings.least_focus
        is_trusted = is_sharp and saturated <= settings.most_saturated
        return {
            "focus": Score(focus),
            "saturated": Score(saturated, "share of the pixels"),
            "trusted": Score(float(is_trusted)),
        }

    def close(self) -> None:
        """Nothing to close."""
