"""Stimulate: light chosen cells through a mask, at the very time point at which they were chosen."""

import logging
from typing import Annotated, Any

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from stentor.control.expression import Expression
from stentor.core.action import ProjectMask, Receipt
from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import StageError
from stentor.core.frame import ASKED
from stentor.core.microscope import Microscope

logger = logging.getLogger(__name__)


class StimulateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom to light, when, and with what.

    Attributes
    ----------
    which
        Condition on each object, such as "area_um2 > 150"; see docs/how-to/rules.md.
    when
        Condition on the frame, such as "t % 10 == 0"; None: every frame.
    channel
        Judge frames of this channel only; None: all.
    duration_s
        How long the light is on.
    preset, group
        The light: set for that moment; None: the light of the acquisition, and the channel group.
    grow_um
        Widen the mask by so much, or narrow it where it is below 0.
    most
        Light at most so many cells at once, those nearest to the middle; None: all.
    again_s
        Light no track again sooner than this; None: as often as it is chosen. Needs the stage `track`.
    device
        The SLM or DMD; None: the rig's.
    """

    which: str
    when: str | None = None
    channel: str | None = None
    duration_s: Annotated[float, Meta(gt=0)]
    preset: str | None = None
    group: str | None = None
    grow_um: float = 0.0
    most: Annotated[int, Meta(ge=1)] | None = None
    again_s: Annotated[float, Meta(ge=0)] | None = None
    device: str | None = None


class Stimulate:
    """Asks for a mask on the chosen cells, then lets the acquisition go on from its barrier, whatever came of it."""

    Settings = StimulateSettings
    images: tuple[str, ...] = ("labels",)

    def __init__(self, settings: Any) -> None:
        self._settings: StimulateSettings = settings
        self._which = Expression(settings.which, where="which", of_objects=True)
        self._when = None if settings.when is None else Expression(settings.when, where="when")
        self.conditions = (self._which,) if self._when is None else (self._which, self._when)
        self.asks = (
            ProjectMask(
                mask=b"",  # whom it shows is known later
                shape_yx=(0, 0),
                duration_ms=1000 * settings.duration_s,
                preset=settings.preset,
                group=settings.group,
                device=settings.device,
            ),
        )
        self._run = ""
        self._lit_ns: dict[int, int] = {}
        self._said: tuple[str, str] | None = None
        """The last answer, verdict and rule: a refusal that the log has already."""

    def on_result(self, result: SeenResult, microscope: Microscope) -> None:
        """Choose, light, and let go on."""
        frame = result.frame
        if frame.frame_id.run != self._run:  # which has track numbers of its own
            self._run, self._lit_ns = frame.frame_id.run, {}
        if ASKED in frame.axes or self._settings.channel not in (None, frame.channel):
            return
        try:
            if self._when is None or self._when.is_true(result):
                self._light(result, microscope)
        finally:
            microscope.go_on(result)

    def close(self) -> None:
        """Nothing to let go of."""

    def _light(self, result: SeenResult, microscope: Microscope) -> None:
        settings = self._settings
        chosen = self._choose(result)
        if not len(chosen):
            return
        receipt = microscope.project(
            result,
            self._mask(result, chosen),
            settings.duration_s,
            preset=settings.preset,
            group=settings.group,
            device=settings.device,
            rule=settings.which,
            reason=f"{len(chosen)} cells: {settings.which}",
        )
        if receipt.verdict in ("done", "dry-run") and settings.again_s is not None:
            now_ns, still_ns = result.frame.received_ns, settings.again_s * NS_PER_S
            self._lit_ns = {track: lit_ns for track, lit_ns in self._lit_ns.items() if now_ns - lit_ns < still_ns}
            self._lit_ns |= dict.fromkeys(result.objects["track_id"][chosen].tolist(), now_ns)
        self._say(receipt)

    def _say(self, receipt: Receipt) -> None:
        """Name a refusal in the log once, however often it is given."""
        refusal = (receipt.verdict, receipt.rule)
        if receipt.verdict in ("refused", "failed") and refusal != self._said:
            logger.warning("the mask was %s by %s: %s", receipt.verdict, receipt.rule or "the device", receipt.text)
        self._said = refusal

    def _choose(self, result: SeenResult) -> NDArray[np.int64]:
        """Return the rows of the objects to light."""
        objects, frame, settings = result.objects, result.frame, self._settings
        if not len(objects):
            return np.empty(0, np.int64)
        chosen = np.array(self._which.selects(result))
        if settings.again_s is not None:
            if "track_id" not in objects:
                raise StageError("`again_s` needs the objects' tracks; add a stage `track`")
            soonest_ns = frame.received_ns - int(settings.again_s * NS_PER_S)
            tracks = objects["track_id"].tolist()
            chosen &= np.array([self._lit_ns.get(track, soonest_ns) <= soonest_ns for track in tracks])
        rows = np.flatnonzero(chosen)
        if settings.most is not None and len(rows) > settings.most:
            middle_y, middle_x = ((side - 1) / 2 for side in frame.shape_yx)
            away_px = np.hypot(objects["y_px"][rows] - middle_y, objects["x_px"][rows] - middle_x)
            rows = rows[np.argsort(away_px, kind="stable")[: settings.most]]
        return rows

    def _mask(self, result: SeenResult, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        labels_yx = result.labels
        if labels_yx is None:
            raise StageError("the plan gives no label image; add a stage `segment`")
        is_lit = np.zeros(int(labels_yx.max()) + 1, bool)
        is_lit[result.objects["label"][rows]] = True
        mask_yx: NDArray[np.bool_] = is_lit[labels_yx]
        radius_px = round(abs(self._settings.grow_um) / self._pixel_size_um(result)) if self._settings.grow_um else 0
        if radius_px:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
            change = cv2.dilate if self._settings.grow_um > 0 else cv2.erode
            mask_yx = np.asarray(change(mask_yx.astype(np.uint8), kernel), bool)
        return mask_yx

    def _pixel_size_um(self, result: SeenResult) -> float:
        if result.frame.pixel_size_um is None:
            raise StageError("`grow_um` needs the pixel size, which the microscope does not say; set it to 0")
        return result.frame.pixel_size_um
