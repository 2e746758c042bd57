"""Header: one form for what any backend says about an image."""

from typing import TYPE_CHECKING

from stentor.core.errors import SourceError
from stentor.core.frame import PIXEL_DTYPES, FrameHeader, FrameId, PixelToStage, StagePosition
from stentor.microscope import metadata as tags
from stentor.microscope.affine import pixel_to_stage
from stentor.microscope.arrival import Arrival
from stentor.microscope.core_state import CoreState, read_core

if TYPE_CHECKING:
    import pymmcore

_AXES = {"t": ("t", "time"), "c": ("c", "channel"), "z": ("z",), "p": ("p", "position")}
_OLDEST_EXPOSURE_NS = 60_000_000_000


class HeaderMaker:
    """Makes the headers of one run, in the thread that receives its images.

    It reads the core when it is made, and when the images change their size; call `reread` after every change of
    objective, binning or region of interest, and after every move that no event asked for.

    Parameters
    ----------
    chip_wh
        Size of the camera's chip in unbinned pixels, so that a region of interest keeps its place on the stage;
        None: unknown.
    may_wait
        Wait for drives that move whenever the core is read; if not, where they are is unknown.
    """

    def __init__(
        self,
        core: "pymmcore.CMMCore",
        *,
        stream: str,
        run: str,
        clock_id: str,
        chip_wh: tuple[int, int] | None = None,
        may_wait: bool = True,
    ) -> None:
        self._core = core
        self._stream = stream
        self._run = run
        self._clock_id = clock_id
        self._chip_wh = chip_wh
        self._may_wait = may_wait
        self.reread()

    def reread(self) -> None:
        """Ask the core anew for everything that the images' own metadata do not say."""
        self._state: CoreState = read_core(self._core, chip_wh=self._chip_wh, may_wait=self._may_wait)
        self._stage: StagePosition = self._state.stage

    def make(self, arrival: Arrival, sequence: int) -> FrameHeader:
        """Make the header of an image.

        Raises
        ------
        SourceError
            Its pixels are none that we can use.
        """
        shape_yx = checked_shape(arrival)
        if shape_yx != self._state.shape_yx:
            self.reread()
        state, event, written = self._state, arrival.event, arrival.metadata
        axes: dict[str, int | str] = dict(event.index) if event is not None else tags.acquisition_axes(written)
        left_top = tags.roi_origin(written) or state.roi_xywh[:2]
        roi_xywh = (*left_top, shape_yx[1], shape_yx[0])
        stage = self._stage = self._place(arrival)
        exposure_ms = tags.exposure_ms(written)
        if exposure_ms is None:
            exposure_ms = event.exposure if event is not None and event.exposure is not None else state.exposure_ms
        return FrameHeader(
            frame_id=FrameId(self._stream, self._run, sequence),
            shape_yx=shape_yx,
            dtype=arrival.pixels.dtype.name,
            received_ns=arrival.received_ns,
            clock_id=self._clock_id,
            axes=axes,
            **{name: _index(axes, keys) for name, keys in _AXES.items()},
            channel=_channel(arrival, axes) or state.channel,
            exposure_ms=exposure_ms,
            camera=tags.camera_name(written, state.cameras) or state.camera,
            bit_depth=state.bit_depth,
            binning=tags.binning(written) or state.binning,
            roi_xywh=roi_xywh,
            stage=stage,
            pixel_to_stage=self._locate(stage, roi_xywh),
            pixel_size_um=state.pixel_size_um,
            camera_number=tags.camera_number(written),
            exposure_end_ns=_exposure_end_ns(arrival),
        )

    def _place(self, arrival: Arrival) -> StagePosition:
        """Tell where the drives stood; what neither backend nor event says is where they were before."""
        said, before, event = tags.stage_position(arrival.metadata), self._stage, arrival.event
        if said.origin is None and event is not None:
            said = StagePosition(event.x_pos, event.y_pos, event.z_pos)
        x_um, y_um, z_um = (
            old if new is None else new
            for new, old in ((said.x_um, before.x_um), (said.y_um, before.y_um), (said.z_um, before.z_um))
        )
        if said.origin == "read-back":
            return StagePosition(x_um, y_um, z_um, origin="read-back")
        is_moved = (x_um, y_um, z_um) != (before.x_um, before.y_um, before.z_um)
        return StagePosition(x_um, y_um, z_um, origin="intended" if is_moved else before.origin)

    def _locate(self, stage: StagePosition, roi_xywh: tuple[int, int, int, int]) -> PixelToStage | None:
        if self._state.affine is None or stage.x_um is None or stage.y_um is None:
            return None
        return pixel_to_stage(
            self._state.affine, x_um=stage.x_um, y_um=stage.y_um, roi_xywh=roi_xywh, chip_wh=self._state.chip_wh
        )


def checked_shape(arrival: Arrival) -> tuple[int, int]:
    """Return rows and columns, or refuse colour and pixel types that we cannot use with SourceError."""
    pixels = arrival.pixels
    if pixels.ndim != 2:
        raise SourceError(f"colour images of shape {pixels.shape}; set the camera's PixelType to 8bit or 16bit")
    if pixels.dtype.name not in PIXEL_DTYPES:
        raise SourceError(f"pixels of type {pixels.dtype.name}; set the camera's PixelType to 8bit or 16bit")
    return pixels.shape[0], pixels.shape[1]


def _index(axes: dict[str, int | str], keys: tuple[str, ...]) -> int | None:
    return next((value for key in keys if isinstance(value := axes.get(key), int)), None)


def _channel(arrival: Arrival, axes: dict[str, int | str]) -> str | None:
    if arrival.event is not None and arrival.event.channel is not None:
        return arrival.event.channel.config
    named = axes.get("channel")
    return named if isinstance(named, str) else None


def _exposure_end_ns(arrival: Arrival) -> int | None:
    # Only the simulated camera tells, and only in real time is its clock the one that stamped the arrival.
    end_ns = tags.whole_text(tags.camera_tags(arrival.metadata).get("ExposureEnd_ns"))
    is_plausible = end_ns is not None and 0 <= arrival.received_ns - end_ns < _OLDEST_EXPOSURE_NS
    return end_ns if is_plausible else None
