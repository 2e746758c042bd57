"""Microscope: what a controller holds in its hands; every method is one request to the guard."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from stentor.core import action as act
from stentor.core.clock import Clock
from stentor.core.frame import FrameHeader
from stentor.core.mask import pack_mask
from stentor.core.stage import ModelIdentity

Ask = Callable[[act.Request, float], act.Receipt]
"""Sends a request and waits at most so many seconds for its receipt; raises PublishError when none comes."""


class Seen(Protocol):
    """The result of a frame, as `stentor.listen` gives it; an action on account of it carries its name and age."""

    @property
    def frame(self) -> FrameHeader: ...
    @property
    def models(self) -> Mapping[str, ModelIdentity]: ...


class Microscope:
    """Asks the guard to act, and returns its receipt: done, refused with the rule, or failed with the reason.

    Every method takes `because`, the result that it rests on, `reason` in words for the decision log, `rule` (which of
    the controller's rules), `id` (for a request that may be repeated) and `timeout_s`. Without `because` no frame is
    stale. A reason that is too long for the log is cut. Belongs to one thread.

    Raises
    ------
    ValueError
        When `id`, `rule` or the controller's name is longer than the scope takes; see `Request`.
    PublishError
        When there is no microscope, or it does not answer in time.
    """

    def __init__(self, ask: Ask, clock: Clock, *, controller: str) -> None:
        self._ask = ask
        self._clock = clock
        self.controller = controller

    def move_xy(self, x_um: float, y_um: float, *, relative: bool = False, **why: Any) -> act.Receipt:
        """Drive the stage to a place, or by a step."""
        return self.do(act.MoveXY(x_um=float(x_um), y_um=float(y_um), is_relative=relative), **why)

    def move_z(self, z_um: float, *, relative: bool = False, **why: Any) -> act.Receipt:
        """Drive the focus to a height, or by a step."""
        return self.do(act.MoveZ(z_um=float(z_um), is_relative=relative), **why)

    def centre(self, because: Seen, y_px: float, x_px: float, *, share: float = 1.0, **why: Any) -> act.Receipt:
        """Bring what lies at a pixel of a frame to the middle of the image, or a `share` of the way.

        Raises
        ------
        ValueError
            If the microscope is uncalibrated or its stage did not say where it stood: pixels then mean no place.
        """
        frame = because.frame
        affine = frame.pixel_to_stage
        if affine is None:
            raise ValueError("the microscope is uncalibrated; run Micro-Manager's pixel size calibration")
        middle_y, middle_x = ((length - 1) / 2 for length in frame.shape_yx)
        (y_um,), (x_um,) = affine.locate(np.array([y_px]), np.array([x_px]))
        (from_y_um,), (from_x_um,) = affine.locate(np.array([middle_y]), np.array([middle_x]))
        if frame.stage.x_um is None or frame.stage.y_um is None:
            raise ValueError("the stage does not say where it stood when the frame was taken")
        # Absolute: a step relative to wherever the stage stands by now would overshoot after an earlier one.
        return self.move_xy(
            frame.stage.x_um + share * float(x_um - from_x_um),
            frame.stage.y_um + share * float(y_um - from_y_um),
            because=because,
            **why,
        )

    def set_exposure(self, exposure_ms: float, **why: Any) -> act.Receipt:
        """Expose so long from the next image on."""
        return self.do(act.SetExposure(exposure_ms=float(exposure_ms)), **why)

    def set_interval(self, interval_s: float, **why: Any) -> act.Receipt:
        """Image at this interval from the next time point on."""
        return self.do(act.SetInterval(interval_ms=1000 * float(interval_s)), **why)

    def set_channel(self, preset: str, group: str | None = None, **why: Any) -> act.Receipt:
        """Apply a preset; `group` None: of the channel group."""
        return self.do(act.SetChannel(preset=preset, group=group), **why)

    def set_property(self, device: str, name: str, value: str | float, **why: Any) -> act.Receipt:
        """Set a property of a device."""
        return self.do(act.SetProperty(device=device, property=name, value=value), **why)

    def set_roi(self, x_px: int, y_px: int, width_px: int, height_px: int, **why: Any) -> act.Receipt:
        """Read a region of the chip only."""
        return self.do(act.SetRoi(x_px=x_px, y_px=y_px, width_px=width_px, height_px=height_px), **why)

    def clear_roi(self, **why: Any) -> act.Receipt:
        """Read the whole chip again."""
        return self.do(act.SetRoi(), **why)

    def pulse_shutter(self, duration_s: float, **why: Any) -> act.Receipt:
        """Open the shutter for a moment."""
        return self.do(act.PulseShutter(duration_ms=1000 * duration_s), **why)

    def project(
        self,
        because: Seen,
        mask_yx: NDArray[Any],
        duration_s: float | None,
        *,
        preset: str | None = None,
        group: str | None = None,
        device: str | None = None,
        **why: Any,
    ) -> act.Receipt:
        """Light what a mask shows, for a moment; refused when the stage has moved since the frame.

        Parameters
        ----------
        because
            The result on whose frame the mask is drawn.
        mask_yx
            Shape (Y, X) of the frame; true where light is wanted.
        duration_s
            None: show it without light of its own, until the next.
        preset, group
            Set for that moment; None: the light that is on, and the channel group.
        device
            The SLM; None: the configured one.

        Raises
        ------
        ValueError
            If the mask has not the frame's shape.
        """
        frame = because.frame
        if mask_yx.shape != frame.shape_yx:
            raise ValueError(f"the mask is {mask_yx.shape}, the frame {frame.shape_yx}: draw it in the frame's pixels")
        stage = frame.stage
        action = act.ProjectMask(
            mask=pack_mask(mask_yx),
            shape_yx=frame.shape_yx,
            roi_xy_px=(0, 0) if frame.roi_xywh is None else frame.roi_xywh[:2],
            binning=frame.binning or 1,
            at_um=None if stage.x_um is None or stage.y_um is None else (stage.x_um, stage.y_um),
            duration_ms=None if duration_s is None else 1000 * duration_s,
            preset=preset,
            group=group,
            device=device,
        )
        return self.do(action, because=because, **why)

    def acquire(
        self,
        *events: Mapping[str, Any],
        sequence: Mapping[str, Any] | None = None,
        at_um: Sequence[Sequence[float]] = (),
        place: Literal["now", "next"] = "now",
        **why: Any,
    ) -> act.Receipt:
        """Take images in between; then the acquisition goes on where it was.

        Parameters
        ----------
        events
            useq-schema events, such as `{"channel": "GFP", "exposure": 50, "z_pos": 3.0}`.
        sequence
            In their place a useq-schema MDASequence, such as `{"z_plan": {"range": 4, "step": 0.5}}`.
        at_um
            Places, (x_um, y_um) or (x_um, y_um, z_um), at each of which all of it is taken; empty: here.
        place
            "now": before anything else; "next": after the time point under way.

        Returns
        -------
        Receipt
            As soon as it is planned. `read_back` says as "asked" the number of the first image and as "images" how
            many there will be: the frames carry the axis "asked", counted on from there.
        """
        action = act.Acquire(
            events=tuple(dict(event) for event in events),
            sequence=None if sequence is None else dict(sequence),
            positions_um=tuple(tuple(map(float, place)) for place in at_um),
            place=place,
        )
        return self.do(action, **why)

    def visit(self, positions_um: Sequence[Sequence[float]], **why: Any) -> act.Receipt:
        """Image these positions at every time point from the next on."""
        return self.do(act.SetPositions(positions_um=tuple(tuple(map(float, p)) for p in positions_um)), **why)

    def extend(self, time_points: int, **why: Any) -> act.Receipt:
        """Add time points."""
        return self.do(act.Extend(time_points=time_points), **why)

    def skip(self, **why: Any) -> act.Receipt:
        """Leave out the rest of this time point."""
        return self.do(act.Skip(), **why)

    def go_on(self, because: Seen, **why: Any) -> act.Receipt:
        """Say that all is decided where a frame was taken, so that an acquisition with a barrier goes on."""
        return self.do(act.GoOn(t=because.frame.t, p=because.frame.p), because=because, **why)

    def pause(self, **why: Any) -> act.Receipt:
        """Take no images until `resume`."""
        return self.do(act.Pause(), **why)

    def resume(self, **why: Any) -> act.Receipt:
        """Go on."""
        return self.do(act.Resume(), **why)

    def abort(self, **why: Any) -> act.Receipt:
        """End the acquisition."""
        return self.do(act.Abort(), **why)

    def alive(self, *, is_last: bool = False) -> act.Receipt:
        """Give a sign of life; from the first on, silence makes the guard act, until one says that it `is_last`."""
        return self.do(act.Alive(is_last=is_last))

    def do(
        self,
        action: act.Action,
        *,
        because: Seen | None = None,
        reason: str = "",
        rule: str = "",
        id: str | None = None,
        max_age_ms: float | None = None,
        timeout_s: float = 5.0,
    ) -> act.Receipt:
        """Ask for any action."""
        request = act.Request(
            id=uuid.uuid4().hex if id is None else id,
            action=action,
            cause=cause_of(self.controller, because, reason=reason, rule=rule),
            issued_ns=self._clock.monotonic_ns(),
            clock_id=self._clock.clock_id,
            max_age_ms=max_age_ms,
        )
        _check_lengths(request)
        return self._ask(request, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go; may be called twice."""


def _check_lengths(request: act.Request) -> None:
    """Refuse here and in words what the scope could not read."""
    names = {"id": request.id, "controller": request.cause.controller, "rule": request.cause.rule}
    for what, text in names.items():
        most = act.LONGEST_RULE if what == "rule" else act.LONGEST_NAME
        if len(text) > most:
            raise ValueError(f"`{what}` has {len(text)} characters, at most {most} are taken; `reason` may be longer")


def cause_of(controller: str, because: Seen | None, *, reason: str, rule: str) -> act.Cause:
    """Return why something is asked for; a frame's age counts from the end of its exposure, where that is known."""
    reason = act.shortened(reason, act.LONGEST_REASON)
    if because is None:
        return act.Cause(controller=controller, reason=reason, rule=rule)
    frame = because.frame
    model = next(iter(because.models.values()), None)
    return act.Cause(
        controller=controller,
        rule=rule,
        reason=reason,
        frame_id=frame.frame_id,
        seen_ns=frame.received_ns if frame.exposure_end_ns is None else frame.exposure_end_ns,
        clock_id=frame.clock_id,
        model="" if model is None else model.name,
        model_hash="" if model is None else model.hash,
    )
